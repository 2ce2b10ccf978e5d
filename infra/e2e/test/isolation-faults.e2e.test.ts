import { type Category, faultLines, HTTP_PROBES, PROBES, runHttpProbes, runProbes } from '@ultracore/isolation-probes';
import { jwksOf } from '@ultracore/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeProbePairs, type ProbePair, type SeededFault, startFaultyGateway, throughGateway } from '../src/faulty-gateway.ts';
import type { Tier } from '../src/homes.ts';
import { loadTenants } from '../src/load-tenants.ts';
import { runMixedLoad } from '../src/mixed-load.ts';
import { createPlatform, type Platform, type RunningService } from '../src/platform.ts';
import { seeded } from '../src/seed.ts';

let platform: Platform;
let pairs: readonly ProbePair[];
beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  pairs = await makeProbePairs(platform);
});
afterAll(async () => {
  for (const { victim } of pairs ?? []) await victim.remove();
  await platform?.[Symbol.asyncDispose]();
});

const RESET_SKIPPED: SeededFault = {
  file: 'tenant-pool/src/pool/reset-session.ts',
  instead: `backend.command('discard all')`,
  run: `backend.command('select 1')`,
};
/** Each connection is opened with the login of whoever opened the one before. */
const BACKEND_SHARED: SeededFault = {
  file: 'tenant-pool/src/pool/connect.ts',
  instead: 'export async function connectLogin(pool: LoginPool, signal: AbortSignal): Promise<Backend> {',
  run: `let before: LoginPool | undefined;
    export async function connectLogin(asked: LoginPool, signal: AbortSignal): Promise<Backend> {
      const pool = before ?? asked; before = asked;`,
};
const GUARD_OPEN: SeededFault = {
  file: 'pool-gateway/src/statement/rules.ts',
  instead: `effect: always('refuse'), detail`,
  run: `effect: always('own'), detail`,
};
const HEADER_BELIEVED: SeededFault = {
  file: 'pool-gateway/src/access/authorize.ts',
  instead: 'named !== undefined && named !== tenantHeader',
  run: 'false',
};

async function withFault<T>(fault: SeededFault, work: (gateway: RunningService) => Promise<T>): Promise<T> {
  const gateway = await startFaultyGateway(platform, fault);
  try {
    return await work(gateway);
  } finally {
    await gateway.stop();
  }
}

/** What the suite says of a gateway, by probes of one category from one attacker. */
async function verdictOn(gateway: RunningService, tier: Tier, category: Category): Promise<string[]> {
  const pair = pairs.find((each) => each.tier === tier);
  if (pair === undefined) throw new Error(`No pair of tier ${tier}.`);
  const attacker = await throughGateway(platform, gateway, pair.attacker, tier);
  const probes = PROBES.filter((probe) => probe.category === category && probe.id !== 'state/end-session');
  const victims = Object.fromEntries(pairs.map((each) => [each.tier, each.victim]));
  return faultLines(await runProbes({ attacker, victims, probes, forms: ['simple'], logins: ['read-write'] }));
}

describe('the suite turns red for a gateway', () => {
  test('that does not reset a connection before it is used again', async () => {
    const faults = await withFault(RESET_SKIPPED, (gateway) => verdictOn(gateway, 'enterprise', 'backend-state'));
    expect(faults).toContainEqual(expect.stringMatching(/^state\/setting-by-.* the next request finds another session/));
  });

  test('that gives a tenant connections of another', async () => {
    await withFault(BACKEND_SHARED, async (gateway) => {
      const tenants = await loadTenants(platform, gateway, 2);
      const load = { url: gateway.url, tenants, queries: 2_000, clients: 16, abortsPerMille: 20, chance: seeded() };
      expect((await runMixedLoad(load)).foreign).not.toEqual([]);
      // An attacker that cannot find its own row is told apart from one that finds nothing: that is red too.
      const faults = await verdictOn(gateway, 'small', 'row-security').catch((error: Error) => [error.message]);
      expect(faults).not.toEqual([]);
    });
  });

  test('that lets through what its guard refuses', async () => {
    const faults = await withFault(GUARD_OPEN, (gateway) => verdictOn(gateway, 'small', 'backend-state'));
    expect(faults).toContainEqual(expect.stringMatching(/^state\/listen .* was allowed/));
    expect(faults).toContainEqual(expect.stringMatching(/^state\/statement-timeout .* was allowed/));
  });

  test('that believes the header', async () => {
    const pair = pairs.find(({ tier }) => tier === 'small');
    if (pair === undefined) throw new Error('No small pair.');
    const own = await platform.tenantToken({ tenantId: pair.attacker });
    const tokens = {
      issuer: platform.jwt.issuer,
      audience: platform.jwt.audience,
      own,
      publicJwk: jwksOf(platform.secrets).keys[0],
    };
    const { results } = await withFault(HEADER_BELIEVED, async (gateway) => {
      await throughGateway(platform, gateway, pair.attacker, 'small');
      const attacker = { tenantId: pair.attacker, tier: pair.tier };
      const probes = HTTP_PROBES.filter(({ id }) => id.startsWith('header/'));
      return runHttpProbes({ url: gateway.url, attacker, victim: pair.victim, tokens, probes });
    });
    const faults = faultLines({ results, damage: [], skipped: [] });
    expect(faults).toContainEqual(expect.stringMatching(/^header\/victim .* returned what was planted with a victim/));
  });
});
