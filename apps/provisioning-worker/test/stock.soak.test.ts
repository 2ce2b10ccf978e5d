import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHomeServer, type HomeServer } from './support/rig.ts';
import { STOCK_KILLS } from './support/stock-kills.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

it.each(STOCK_KILLS)(
  'a worker killed while it was %s: the next one leaves nothing half done, and every home whole',
  async (_, prove) => {
    expect.hasAssertions();
    await prove(server);
  },
);
