import { afterEach, expect, it } from 'vitest';
import { ServerBudget } from '../src/pool/server-budget.ts';
import type { Tenant } from '../src/pool/tenant.ts';
import { Ticker } from '../src/pool/ticker.ts';

const ticker = new Ticker();
afterEach(() => ticker.stop());

it('does not look at everybody who waits for each one who joins them, once there are many', () => {
  const TENANTS = 1000;
  const budget = new ServerBudget('db', 5432, 1, ticker);
  let looks = 0;
  for (let index = 0; index < TENANTS; index++) {
    const pool = { slots: [], opening: 0, open: () => {} };
    const tenant = { running: 0, lastUsed: 0, makeRoomFor: () => {}, claimOn: () => ++looks && { ...pool, tenant } };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a budget asks of a tenant
    budget.want(tenant as unknown as Tenant, performance.now());
  }
  expect(budget.stats(performance.now())).toMatchObject({ used: 1, waitingTenants: TENANTS });
  expect(looks).toBeLessThan(5 * TENANTS);
});
