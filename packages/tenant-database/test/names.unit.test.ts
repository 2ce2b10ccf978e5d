import { randomUUID } from 'node:crypto';
import { RESERVED_TENANT_IDS, TENANT_ID_PATTERN, TIERS } from '@ultracore/contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { homeComment, homeNames, parseHomeComment, ROLES, SHARED_DATABASE, TEMPLATE_DATABASE } from '../src/index.ts';

const tenantIds = fc.stringMatching(/^[a-z][a-z0-9-]{1,48}[a-z0-9]$/).filter((id) => TENANT_ID_PATTERN.test(id));

describe('homeNames', () => {
  it('gives the documented names', () => {
    expect(homeNames('enterprise-001', 'enterprise')).toEqual({
      database: 'ultracore_enterprise_001',
      schema: 'app',
      role: 'uc_enterprise_001',
      readonlyRole: 'uc_enterprise_001__ro',
    });
    expect(homeNames('standard-002', 'standard')).toMatchObject({ database: 'ultracore_shared', schema: 'tenant_standard_002' });
    expect(homeNames('small-003', 'small')).toMatchObject({ database: 'ultracore_shared', schema: 'app' });
  });

  it('fits 63 bytes and never gives two ids one name', () => {
    fc.assert(
      fc.property(tenantIds, tenantIds, fc.constantFrom(...TIERS), (one, other, tier) => {
        const names = homeNames(one, tier);
        for (const name of Object.values(names)) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        fc.pre(one !== other);
        const others = homeNames(other, tier);
        expect(new Set([names.role, names.readonlyRole, others.role, others.readonlyRole]).size).toBe(4);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never gives an allowed id a name of ours', () => {
    const ours = new Set<string>([...Object.values(ROLES), SHARED_DATABASE, TEMPLATE_DATABASE]);
    fc.assert(
      fc.property(tenantIds, (id) => {
        fc.pre(!RESERVED_TENANT_IDS.includes(id));
        for (const tier of TIERS) {
          const { database, role, readonlyRole } = homeNames(id, tier);
          expect([role, readonlyRole].filter((name) => ours.has(name))).toEqual([]);
          expect(tier === 'enterprise' && ours.has(database)).toBe(false);
        }
      }),
    );
  });

  it.each([
    '',
    'a',
    'Acme',
    'acme_bank',
    'acme--bank',
    'acme-',
    '1acme',
    `a${'b'.repeat(50)}`,
    'acme"; drop',
    'acme\0',
    'äcme',
    'acme\n',
  ])('refuses %j: nothing is derived from what is not a tenant id', (id) => {
    expect(() => homeNames(id, 'small')).toThrow(expect.objectContaining({ code: 'bad_tenant_id' }));
  });
});

describe('homeComment', () => {
  it('is read back as what was written, and nothing else is', () => {
    fc.assert(
      fc.property(tenantIds, fc.uuid(), (tenantId, requestId) => {
        expect(parseHomeComment(homeComment(tenantId, requestId))).toEqual({ tenantId, requestId });
      }),
    );
    const right = homeComment('acme', randomUUID());
    for (const wrong of [
      null,
      '',
      'ultracore home of acme',
      `${right} `,
      ` ${right}`,
      right.replace('acme', 'Acme'),
      `${right}\nx`,
    ]) {
      expect(parseHomeComment(wrong)).toBeUndefined();
    }
  });

  it('refuses a request id that is not a lower-case UUID', () => {
    expect(() => homeComment('acme', "x' or 1=1")).toThrow(expect.objectContaining({ code: 'bad_tenant_id' }));
  });
});
