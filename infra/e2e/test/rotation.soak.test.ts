import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTenants } from '../src/load-tenants.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { rotateAgainAndAgain, startLoad } from '../src/rotation-load.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
});
afterAll(() => platform?.[Symbol.asyncDispose]());

const ROTATIONS = 1000;
const TENANTS_OF_EACH_TIER = 4;

test('1,000 rotations while 50 clients query through two gateways: no request fails', async () => {
  const env = (instance: string) => ({
    GATEWAY_CONNECTION_BUDGET: '24',
    GATEWAY_INSTANCE: instance,
    GATEWAY_MAX_INSTANCES: '2',
  });
  const gateways = [
    await platform.start('pool-gateway', { env: env('turn-1') }),
    await platform.start('pool-gateway', { env: env('turn-2') }),
  ] as const;
  const tenants = await loadTenants(platform, gateways[0], TENANTS_OF_EACH_TIER);
  await using load = startLoad(gateways, tenants, 50);
  const began = performance.now();
  const share = Math.floor(ROTATIONS / tenants.length);
  const rest = ROTATIONS - share * tenants.length;
  const faults = await Promise.all(tenants.map(({ id }, n) => rotateAgainAndAgain(platform, id, n < rest ? share + 1 : share)));
  const seconds = (performance.now() - began) / 1000;
  const { requests, failures } = await load.stop();
  process.stdout.write(
    `${ROTATIONS} rotations of ${tenants.length} tenants in ${seconds.toFixed(0)} s, ${requests} requests, ${failures.length} failures\n`,
  );
  expect(failures).toEqual([]);
  expect(faults.flat()).toEqual([]);
});
