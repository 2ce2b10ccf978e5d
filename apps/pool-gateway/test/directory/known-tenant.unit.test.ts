import { describe, expect, test } from 'vitest';
import { toKnownTenant, toRegistration, toUnreadable } from '../../src/directory/known-tenant.ts';
import { directoryRow } from '../support/directory-row.ts';

const open = ({ tenantId, role, sealed }: { tenantId: string; role: string; sealed: string }) => `${tenantId}/${role}/${sealed}`;
const options = { gateways: 1, open };

describe('how the pools reach a tenant', () => {
  test('is its home, its two logins and what it may use', () => {
    expect(toRegistration(directoryRow(), options)).toMatchObject({
      tenantId: 'enterprise-001',
      database: 'ultracore_enterprise_001',
      primary: { host: 'pg-1.internal', port: 5432 },
      readwrite: { user: 'uc_enterprise_001' },
      readonly: { user: 'uc_enterprise_001__ro' },
      minConnections: 10,
      maxConnections: 50,
      maxConcurrentQueries: 100,
      connectionTimeoutMs: 30_000,
      idleTimeoutMs: 600_000,
      maxMemoryMb: 2048,
    });
  });

  test('has the password in force first and the one to come second, each opened for its own tenant and role', async () => {
    const row = directoryRow();
    const next = row.credential && {
      ...row.credential,
      db_password_encrypted: 'next',
      readonly_db_password_encrypted: 'next-ro',
    };
    const registration = toRegistration({ ...row, next_credential: next }, options);
    const opened = await Promise.all((registration?.readwrite.passwords ?? []).map((password) => password()));
    expect(opened).toEqual([
      `enterprise-001/uc_enterprise_001/${row.credential?.db_password_encrypted}`,
      'enterprise-001/uc_enterprise_001/next',
    ]);
    expect(await registration?.readonly.passwords[1]?.()).toBe('enterprise-001/uc_enterprise_001__ro/next-ro');
  });

  test('starts its sessions where the tenant cannot create, whatever its role says', () => {
    const searchPath = (changes: object): string | undefined =>
      toRegistration(directoryRow(changes), options)?.settings?.['search_path'];
    expect(searchPath({ tier: 'enterprise' })).toBe('app, pg_temp');
    expect(searchPath({ tier: 'small' })).toBe('app, pg_temp');
    expect(searchPath({ tier: 'standard', schema_name: 'tenant_acme' })).toBe('tenant_acme, pg_temp');
    expect(toRegistration(directoryRow({ tier: 'standard', schema_name: null }), options)).toBeUndefined();
  });

  test('opens no password before one is asked for', () => {
    const refuse = () => {
      throw new Error('opened');
    };
    expect(() => toRegistration(directoryRow(), { gateways: 1, open: refuse })).not.toThrow();
  });

  test('is a share of the totals, at least one of each, and never more at least than at most', () => {
    const shared = (changes: object, gateways: number) => {
      const { minConnections, maxConnections, maxConcurrentQueries } =
        toRegistration(directoryRow(changes), { gateways, open }) ?? {};
      return [minConnections, maxConnections, maxConcurrentQueries];
    };
    expect(shared({}, 4)).toEqual([3, 12, 25]);
    expect(shared({ min_connections: 2, max_connections: 3, max_concurrent_queries: 1 }, 10)).toEqual([1, 1, 1]);
    expect(shared({ min_connections: 0 }, 3)[0]).toBe(0);
  });

  test('has the replica where the row names one', () => {
    const row = directoryRow({ readonly_db_host: 'pg-2', readonly_db_port: 5433 });
    expect(toRegistration(row, options)?.replica).toEqual({ host: 'pg-2', port: 5433 });
    expect(toRegistration(directoryRow(), options)?.replica).toBeUndefined();
  });

  test.each(['provisioning', 'failed', 'suspended', 'terminated', 'purged'] as const)(
    'is not there while the tenant is %s',
    (status) => {
      expect(toRegistration(directoryRow({ status }), options)).toBeUndefined();
    },
  );

  test('is not there before it has a home and a credential', () => {
    expect(toRegistration(directoryRow({ credential: null }), options)).toBeUndefined();
    expect(toRegistration(directoryRow({ db_name: null }), options)).toBeUndefined();
  });
});

describe('what is known of a tenant', () => {
  test('are its tier, status and grants', () => {
    const { grants, bounds, ...rest } = toKnownTenant(directoryRow({ revoked_user_ids: ['Eve'] }));
    expect(rest).toEqual({ tenantId: 'enterprise-001', tier: 'enterprise', status: 'active', since: 0 });
    expect([...grants]).toEqual([['cto@alpine.example', 'owner']]);
    expect([...bounds]).toEqual([
      ['eve', 'revoked'],
      ['cto@alpine.example', 'owner'],
    ]);
  });

  test('is since when its id has been its own, when another tenant had it before', () => {
    const again = toKnownTenant(directoryRow({ life: 2, created_at: '2026-03-01T10:00:07.900Z' }));
    expect(again.since).toBe(Date.parse('2026-03-01T10:00:07Z') / 1000);
    expect(toUnreadable('enterprise-001', again).since).toBe(again.since);
  });

  test('is not relied on when its row could not be read', () => {
    expect(toUnreadable('enterprise-001', toKnownTenant(directoryRow()))).toMatchObject({
      status: 'unreadable',
      tier: 'enterprise',
    });
    expect(toUnreadable('never-seen', undefined)).toMatchObject({ status: 'unreadable' });
  });
});
