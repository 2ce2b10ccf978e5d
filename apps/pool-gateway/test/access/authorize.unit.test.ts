import { TENANT_STATUSES, type GrantRole } from '@ultracore/contracts';
import type { Principal } from '@ultracore/service';
import { describe, expect, test } from 'vitest';
import { authorize, authorizeReading, type Asked, type Directory } from '../../src/access/authorize.ts';
import type { Currentness } from '../../src/directory/directory.ts';
import { toKnownTenant, type KnownTenant } from '../../src/directory/known-tenant.ts';
import { directoryRow } from '../support/directory-row.ts';

const GRANTS: readonly [string, GrantRole][] = [
  ['olga', 'owner'],
  ['dan', 'developer'],
  ['ann@acme.example', 'analyst'],
  ['aud', 'auditor'],
];
const acme: KnownTenant = toKnownTenant({
  ...directoryRow({ tenant_id: 'acme', tier: 'small' }),
  grants: GRANTS.map(([user, role]) => ({ user_id: user, role })),
  revoked_user_ids: ['rex', 'Eve@acme.example'],
});

const directoryOf = (tenants: readonly KnownTenant[] = [acme], currentness: Currentness = 'current'): Directory => ({
  find: (tenantId) => tenants.find((tenant) => tenant.tenantId === tenantId),
  currentness: () => currentness,
});

const principal = (changes: Partial<Principal> = {}): Principal => ({ subject: 'somebody', roles: [], ...changes });

const refusal = (asked: Asked, directory = directoryOf()) => {
  try {
    authorize(asked, directory);
  } catch (error) {
    return error;
  }
  return 'allowed';
};

describe('a token that names a tenant', () => {
  const service = principal({ subject: 'svc', tenantId: 'acme' });

  test('is good for both logins of that tenant, with and without the header', () => {
    for (const tenantHeader of [undefined, '', 'acme']) {
      expect(authorize({ principal: service, tenantHeader }, directoryOf())).toEqual({ tenant: acme, readonly: false });
    }
  });

  test('is refused for every other tenant, whether there is one or not', () => {
    for (const tenantHeader of ['other', 'ACME', 'acme, acme', 'no such thing']) {
      expect(refusal({ principal: service, tenantHeader })).toMatchObject({ status: 403, code: 'tenant_mismatch' });
    }
  });

  test('gives a user no more than its grant says', () => {
    const analyst = principal({ subject: 'x', email: 'ann@acme.example', tenantId: 'acme' });
    expect(authorize({ principal: analyst, tenantHeader: undefined }, directoryOf()).readonly).toBe(true);
  });

  test.each([
    ['of an address written in other letters', { email: 'Ann@ACME.example' }],
    ['of an address that it does not prove', { unprovenEmail: 'ann@acme.example' }],
  ])('gives a user no more than the grant %s says', (_, by) => {
    const analyst = principal({ subject: 'x', tenantId: 'acme', ...by });
    expect(authorize({ principal: analyst, tenantHeader: undefined }, directoryOf()).readonly).toBe(true);
  });

  test.each([
    ['by its subject', { subject: 'rex' }],
    ['by its subject in other letters', { subject: 'REX' }],
    ['by its address', { email: 'Eve@acme.example' }],
    ['by its address in other letters', { email: 'eve@Acme.Example' }],
    ['by an address that it does not prove', { unprovenEmail: 'eve@acme.example' }],
    ['though it asks for reading only', { subject: 'rex', readonly: true as const }],
  ])('gives a user nothing whose grant was revoked: %s', (_, by) => {
    expect(refusal({ principal: principal({ tenantId: 'acme', ...by }), tenantHeader: 'acme' })).toMatchObject({
      status: 403,
      code: 'tenant_forbidden',
    });
  });

  test('gives a user again what it has a grant for, whatever was revoked by another name', () => {
    const dan = principal({ subject: 'dan', email: 'eve@acme.example', tenantId: 'acme' });
    expect(authorize({ principal: dan, tenantHeader: undefined }, directoryOf()).readonly).toBe(false);
  });

  test('that was issued for reading only reads, also for an owner', () => {
    const owner = principal({ subject: 'olga', tenantId: 'acme', readonly: true });
    expect(authorize({ principal: owner, tenantHeader: undefined }, directoryOf()).readonly).toBe(true);
  });

  describe('of an id that another tenant had before', () => {
    const CREATED = Date.parse('2026-03-01T10:00:07Z') / 1000;
    const again = toKnownTenant({
      ...directoryRow({ tenant_id: 'acme', tier: 'small', life: 2, created_at: '2026-03-01T10:00:07.900Z' }),
      grants: [{ user_id: 'dan', role: 'developer' }],
    });
    const asking = (by: Partial<Principal>) => refusal({ principal: principal(by), tenantHeader: 'acme' }, directoryOf([again]));

    test.each([
      ['before this one was created', { issuedAt: CREATED - 1 }],
      ['nobody knows when', {}],
      ['before this one was created, of a user known by an address it does not prove', { issuedAt: 1, unprovenEmail: 'dan' }],
    ])('gives nothing when it was issued %s, whoever was revoked there', (_, by) => {
      expect(asking({ tenantId: 'acme', ...by })).toMatchObject({ status: 403, code: 'tenant_forbidden' });
    });

    test('is good when it was issued since, in the same second too', () => {
      expect(asking({ tenantId: 'acme', issuedAt: CREATED })).toBe('allowed');
    });

    test('is good whenever it was issued for a user with a grant of this one', () => {
      expect(asking({ subject: 'dan', tenantId: 'acme', issuedAt: CREATED - 1 })).toBe('allowed');
      expect(asking({ subject: 'dan' })).toBe('allowed');
    });
  });

  test('is told when its tenant is not there', () => {
    const gone = principal({ tenantId: 'gone' });
    expect(refusal({ principal: gone, tenantHeader: undefined })).toMatchObject({ status: 404, code: 'tenant_unknown' });
  });
});

describe('a token that names no tenant', () => {
  test.each([
    ['olga', undefined, false],
    ['dan', undefined, false],
    ['x', 'ann@acme.example', true],
    ['aud', undefined, true],
  ])('of %s with the address %s runs SQL by its grant', (subject, email, readonly) => {
    const asked = { principal: principal({ subject, ...(email === undefined ? {} : { email }) }), tenantHeader: 'acme' };
    expect(authorize(asked, directoryOf())).toEqual({ tenant: acme, readonly });
  });

  test.each([{ unprovenEmail: 'ann@acme.example' }, { email: 'Ann@acme.example' }, { subject: 'Olga' }])(
    'gets no right from what only limits another: %j',
    (by) => {
      expect(refusal({ principal: principal(by), tenantHeader: 'acme' })).toMatchObject({ code: 'tenant_forbidden' });
    },
  );

  test('needs the header', () => {
    expect(refusal({ principal: principal({ subject: 'olga' }), tenantHeader: undefined })).toMatchObject({
      status: 400,
      code: 'tenant_missing',
    });
  });

  test.each(['Acme', 'a', 'acme--x', 'acme, acme', '../acme', 'acme\u0000'])('is refused for the header %j', (tenantHeader) => {
    expect(refusal({ principal: principal({ subject: 'olga' }), tenantHeader })).toMatchObject({
      status: 400,
      code: 'tenant_id_invalid',
    });
  });

  test('without a grant learns nothing: every tenant, there or not, in whatever state, is answered the same', () => {
    const states = [...TENANT_STATUSES, 'unreadable' as const];
    const stranger = principal({ subject: 'stranger', email: 'stranger@else.example' });
    const answers = [
      refusal({ principal: stranger, tenantHeader: 'no-such' }),
      ...states.map((status) => refusal({ principal: stranger, tenantHeader: 'acme' }, directoryOf([{ ...acme, status }]))),
    ];
    expect(answers[0]).toMatchObject({ status: 403, code: 'tenant_forbidden' });
    const told = new Set(
      answers.map((answer) => JSON.stringify(answer, ['status', 'code', 'title', 'detail', 'field', 'headers'])),
    );
    expect(told.size).toBe(1);
  });

  test.each(['operator', 'auditor', 'creator'] as const)('has no right to data by the role %s', (role) => {
    expect(refusal({ principal: principal({ roles: [role] }), tenantHeader: 'acme' })).toMatchObject({
      code: 'tenant_forbidden',
    });
  });
});

describe('the state of a tenant', () => {
  const service = principal({ tenantId: 'acme' });
  test.each([
    ['suspended', 403, 'tenant_suspended'],
    ['provisioning', 409, 'tenant_not_active'],
    ['failed', 409, 'tenant_not_active'],
    ['terminated', 409, 'tenant_not_active'],
    ['purged', 409, 'tenant_not_active'],
    ['unreadable', 503, 'tenant_unreadable'],
  ] as const)('%s is answered %i %s', (status, httpStatus, code) => {
    expect(refusal({ principal: service, tenantHeader: undefined }, directoryOf([{ ...acme, status }]))).toMatchObject({
      status: httpStatus,
      code,
    });
  });
});

describe('a copy of the directory that may be behind', () => {
  test.each([
    ['starting', 'directory_starting'],
    ['stale', 'directory_stale'],
  ] as const)('%s serves nobody, and says when to try again', (currentness, code) => {
    const answer = refusal(
      { principal: principal({ tenantId: 'acme' }), tenantHeader: undefined },
      directoryOf([acme], currentness),
    );
    expect(answer).toMatchObject({ status: 503, code, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
  });
});

describe('looking at connections', () => {
  test('is for operators and auditors, and for who may run SQL; to others no tenant exists', () => {
    const may = (who: Principal, tenantId: string) => () => authorizeReading(who, tenantId, directoryOf());
    for (const who of [
      principal({ roles: ['operator'] }),
      principal({ roles: ['auditor'] }),
      principal({ tenantId: 'acme' }),
      principal({ subject: 'aud' }),
    ]) {
      expect(may(who, 'acme')).not.toThrow();
    }
    expect(may(principal({ subject: 'stranger' }), 'acme')).toThrow(/tenant_forbidden/);
    expect(may(principal({ subject: 'stranger' }), 'no-such')).toThrow(/tenant_forbidden/);
    expect(may(principal({ tenantId: 'other' }), 'acme')).toThrow(/tenant_mismatch/);
  });
});
