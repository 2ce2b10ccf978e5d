import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fronted, frontPlatform } from '../src/edge.ts';
import { clientOf } from '../src/gateway.ts';
import { loadTenants } from '../src/load-tenants.ts';
import { misplacedRows, runMixedLoad } from '../src/mixed-load.ts';
import { createPlatform, type Platform, type RunningService } from '../src/platform.ts';
import { seeded } from '../src/seed.ts';
import { verifyIsolation } from '../src/verify-isolation.ts';

let platform: Platform;
let gateway: RunningService;
let edge: Fronted;
beforeAll(async () => {
  platform = await createPlatform();
  [gateway] = await Promise.all([
    platform.start('pool-gateway'),
    platform.start('registry'),
    platform.start('provisioning-worker'),
  ]);
  edge = await frontPlatform(platform);
});
afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

test('npm run verify-isolation finds nothing that gets from one tenant to another, in any tier, by any way', async () => {
  const { code, output } = await verifyIsolation(edge);
  expect(output).toMatch(/no row, secret or trace of a neighbour/);
  expect(code).toBe(0);
}, 1_800_000);

const chance = seeded();

describe(`a million statements of many tenants, some callers leaving (seed ${chance.seed})`, () => {
  test('bring back no row of another tenant, or of another request, and write none', async () => {
    const tenants = await loadTenants(platform, gateway, 10);
    const load = await runMixedLoad({ url: gateway.url, tenants, queries: 1_000_000, clients: 64, abortsPerMille: 40, chance });
    expect(load.foreign).toEqual([]);
    expect(Object.keys(load.refused)).toEqual(['422 22P02']);
    expect(load.sent).toBe(1_000_000);
    expect(load.answered).toBeGreaterThan(900_000);
    expect(load.aborted).toBeGreaterThan(10_000);
    for (const tenant of tenants) expect(await misplacedRows(gateway.url, tenant, load)).toEqual([]);
    // What callers left behind is still being cancelled for a moment.
    const atRest = async (): Promise<boolean> => {
      const { body } = await clientOf(gateway, platform.tokens.operator).get('/v1/pools');
      return body['in_use'] === 0 && body['waiting'] === 0;
    };
    await waitFor(atRest, { what: 'every connection to be free again', deadlineMs: 30_000 });
  });
});
