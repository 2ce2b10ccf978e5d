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

test('40 rotations while 12 clients query: no request fails, and no old password is taken by Postgres any more', async () => {
  // Fewer connections than the tenants' logins want: they are opened all the time, with whatever password is known.
  const gateway = await platform.start('pool-gateway', { env: { GATEWAY_CONNECTION_BUDGET: '20' } });
  const tenants = await loadTenants(platform, gateway, 2);
  await using load = startLoad([gateway], tenants, 12);
  const faults = await Promise.all(tenants.map(({ id }, n) => rotateAgainAndAgain(platform, id, n < 4 ? 7 : 6)));
  const { requests, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(faults.flat()).toEqual([]);
  expect(requests).toBeGreaterThan(40);
});
