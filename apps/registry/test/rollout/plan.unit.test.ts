import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Wave } from '../../src/rollout/events.ts';
import { planRollout, wholeTiersOf, type Candidate } from '../../src/rollout/plan.ts';

const candidate = (tenantId: string, more: Partial<Candidate> = {}): Candidate => ({
  tenantId,
  tier: 'standard',
  status: 'active',
  server: 'pg-a:5432',
  migrationVersion: '0003',
  migrating: false,
  ...more,
});
const many = (count: number, prefix: string, more: Partial<Candidate> = {}): Candidate[] =>
  Array.from({ length: count }, (_, n) => candidate(`${prefix}-${String(n).padStart(4, '0')}`, more));
const tenantsOf = ({ groups }: Wave): string[] => groups.flatMap(({ tenants }) => [...tenants]);
const byShare = { share: 0.01 };

test('new tenants follow a rollout over all, or over whole tiers, and none over tenants by name', () => {
  expect(wholeTiersOf({}).toSorted()).toEqual(['enterprise', 'small', 'standard']);
  expect(wholeTiersOf({ tiers: ['small'] })).toEqual(['small']);
  expect(wholeTiersOf({ tiers: ['small'], tenants: ['a'] })).toEqual([]);
});

describe('the canary', () => {
  test('is one in a hundred at most, and one at least', () => {
    const sizeOf = (count: number) => tenantsOf(planRollout(many(count, 't'), '0004', byShare).waves[0] ?? { groups: [] }).length;
    expect([1, 2, 99, 100, 199, 200, 300, 1_000].map(sizeOf)).toEqual([1, 1, 1, 1, 1, 2, 3, 10]);
  });

  test('is spread over tiers and servers, and holds no small tenant while there are others', () => {
    const tenants = [
      ...many(200, 'e', { tier: 'enterprise', server: 'pg-b:5432' }),
      ...many(200, 's'),
      ...many(200, 't', { server: 'pg-b:5432' }),
      ...many(200, 'u', { tier: 'small' }),
    ];
    const [canary] = planRollout(tenants, '0004', byShare).waves;
    expect(canary?.groups.map(({ tier, server, tenants: each }) => [tier, server, each.length])).toEqual([
      ['enterprise', 'pg-b:5432', 3],
      ['standard', 'pg-a:5432', 3],
      ['standard', 'pg-b:5432', 2],
    ]);
  });

  test('of small tenants is one of a server: a second would show nothing more', () => {
    const tenants = [...many(300, 'a', { tier: 'small' }), ...many(300, 'b', { tier: 'small', server: 'pg-b:5432' })];
    expect(tenantsOf(planRollout(tenants, '0004', byShare).waves[0] ?? { groups: [] })).toEqual(['a-0000', 'b-0000']);
  });

  test('may be named; who is not to be migrated cannot be named', () => {
    const tenants = [...many(10, 't'), candidate('asleep', { status: 'suspended' })];
    const [canary] = planRollout(tenants, '0004', { tenants: ['t-0007', 't-0001', 't-0007'] }).waves;
    expect(canary && tenantsOf(canary)).toEqual(['t-0007', 't-0001']);
    for (const name of ['asleep', 'nobody']) {
      expect(() => planRollout(tenants, '0004', { tenants: [name] })).toThrow('canary_not_eligible');
    }
  });
});

describe('the waves after it', () => {
  test('grow, hold one tier each, and come to the small tier last, server by server', () => {
    const tenants = [
      ...many(200, 's'),
      ...many(3, 'e', { tier: 'enterprise' }),
      ...many(40, 'u', { tier: 'small' }),
      ...many(50, 'v', { tier: 'small', server: 'pg-b:5432' }),
    ];
    const { waves } = planRollout(tenants, '0004', byShare);
    expect(waves.map((wave) => [wave.groups.map(({ tier }) => tier).join(), tenantsOf(wave).length])).toEqual([
      ['enterprise,standard', 2],
      ['standard', 10],
      ['standard', 50],
      ['standard', 139],
      ['enterprise', 2],
      ['small', 40],
      ['small', 50],
    ]);
  });
});

const anyTenant = fc.record({
  tier: fc.constantFrom('enterprise' as const, 'standard' as const, 'small' as const),
  status: fc.constantFrom('active', 'active', 'active', 'suspended', 'terminated', 'provisioning', 'failed'),
  server: fc.constantFrom('pg-a:5432', 'pg-b:5432'),
  migrationVersion: fc.constantFrom('0003', '0003', '0004', '0005', null),
  migrating: fc.boolean(),
});

test('every tenant is in one wave, or left out for one reason; nobody is taken back', () => {
  fc.assert(
    fc.property(fc.array(anyTenant, { maxLength: 200 }), (tenants) => {
      const fleet = tenants.map((tenant, n) => ({ ...tenant, tenantId: `t-${n}` }));
      const { waves, skipped, leftOut } = planRollout(fleet, '0004', byShare);
      const planned = waves.flatMap(tenantsOf);
      expect([...planned, ...skipped.map(({ tenantId }) => tenantId)].toSorted()).toEqual(
        fleet.map(({ tenantId }) => tenantId).toSorted(),
      );
      expect(leftOut.reduce((sum, each) => sum + each.tenants, 0)).toBe(skipped.length);
      const chosen = fleet.filter(({ tenantId }) => planned.includes(tenantId));
      for (const { status, migrating, migrationVersion } of chosen) {
        expect([status, migrating, (migrationVersion ?? '') < '0004']).toEqual(['active', false, true]);
      }
      const canary = tenantsOf(waves[0] ?? { groups: [] }).length;
      expect(canary).toBeLessThanOrEqual(Math.max(1, chosen.length / 100));
      expect(waves.every((wave) => tenantsOf(wave).length > 0)).toBe(true);
    }),
  );
});
