import { faultLines, plant, PROBES, runProbes } from '@ultracore/isolation-probes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProbePairs, throughGateway } from '../src/faulty-gateway.ts';
import { type IsolationRig, startIsolationRig } from '../src/isolation-rig.ts';
import { loadTenants } from '../src/load-tenants.ts';
import { misplacedRows, runMixedLoad } from '../src/mixed-load.ts';
import { seeded } from '../src/seed.ts';
import { verifyIsolation } from '../src/verify-isolation.ts';

let rig: IsolationRig;
beforeAll(async () => {
  rig = await startIsolationRig();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const chance = seeded();
/** One a run: all three take three minutes, and are in the soak. Over the tenants' own logins each run attacks all (packages/isolation-probes). */
const tier = (['enterprise', 'standard', 'small'] as const)[chance.below(3)] ?? 'small';

describe(`npm run verify-isolation (seed ${chance.seed})`, () => {
  test(`finds nothing that gets from one ${tier} tenant to another over the gateway or on its paths`, async () => {
    const { code, output } = await verifyIsolation(rig.edge, '--route', 'gateway', '--tier', tier);
    expect(output).toMatch(/no row, secret or trace of a neighbour/);
    expect(code).toBe(0);
  }, 900_000);

  test('says so, and exits with 2, when it cannot find out', async () => {
    const { code, output } = await verifyIsolation(rig.edge, '--pair', 'small=probe-standard-attacker,probe-small-victim');
    expect(output).toMatch(/probe-standard-attacker is standard, not small/);
    expect(code).toBe(2);
  });
});

test('whoever has tokens only can plant, attack and look over the gateway alone', async () => {
  const pairs = await makeProbePairs(rig.platform);
  for (const { tier: own, attacker, victim } of pairs) {
    const planted = await plant(await throughGateway(rig.platform, rig.gateway, victim.party.tenantId, own));
    const probes = PROBES.filter(({ category }) => category === 'context-escape');
    const report = await runProbes({
      attacker: await throughGateway(rig.platform, rig.gateway, attacker, own),
      victims: { [own]: planted },
      probes,
      forms: ['parameterised'],
    });
    await planted.remove();
    await victim.remove();
    expect(faultLines(report)).toEqual([]);
    expect(report.results.length).toBeGreaterThan(80);
  }
});

describe(`many tenants' statements at once, some callers leaving (seed ${chance.seed})`, () => {
  test('50,000 of them bring back no row of another tenant, or of another request, and write none', async () => {
    const tenants = await loadTenants(rig.platform, rig.gateway, 4);
    const load = await runMixedLoad({ url: rig.gateway.url, tenants, queries: 50_000, clients: 48, abortsPerMille: 60, chance });
    expect(load.foreign).toEqual([]);
    expect(Object.keys(load.refused)).toEqual(['422 22P02']);
    expect(load.sent).toBe(50_000);
    expect(load.answered).toBeGreaterThan(40_000);
    expect(load.aborted).toBeGreaterThan(1_000);
    for (const tenant of tenants) expect(await misplacedRows(rig.gateway.url, tenant, load)).toEqual([]);
    await rig.atRest();
  }, 900_000);
});
