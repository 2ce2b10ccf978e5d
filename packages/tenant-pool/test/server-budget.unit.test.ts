import { afterEach, describe, expect, it } from 'vitest';
import { ServerBudget } from '../src/pool/server-budget.ts';
import type { Slot } from '../src/pool/slot.ts';
import type { Tenant } from '../src/pool/tenant.ts';
import { Ticker } from '../src/pool/ticker.ts';
import { LINGER_MS, LOGIN_COUNTS_MS, LOGINS_AT_ONCE } from '../src/pool/tuning.ts';

const ticker = new Ticker();
afterEach(() => ticker.stop());

/** What a budget asks of a tenant; each wants one connection and is always at work. */
function createTenants(count: number) {
  const seen = { looks: 0, slots: [] as Slot[] };
  const tenants = Array.from({ length: count }, () => {
    const tenant = {
      running: 1,
      lastUsed: 0,
      held: 0,
      hasOpened: () => void tenant.held++,
      hasLetGo: () => void tenant.held--,
      makeRoomFor: () => {},
      claimOn: () => ++seen.looks && pool,
    };
    const pool = {
      slots: [],
      tenant,
      open: (now: number) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a budget asks of a connection
        const slot = { openedAt: now, pool: pool as unknown } as Slot;
        seen.slots.push(slot);
        return slot;
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    return tenant as unknown as Tenant;
  });
  return { tenants, seen };
}

describe('the budget of a server', () => {
  it('does not look at everybody who waits for each one who joins them', () => {
    const { tenants, seen } = createTenants(1_000);
    const budget = new ServerBudget('db', 5432, 1, ticker);
    for (const tenant of tenants) budget.want(tenant, performance.now());
    expect(budget.stats(performance.now())).toMatchObject({ used: 1, waitingTenants: 999 });
    expect(seen.looks).toBeLessThan(5_000);
  });

  it('has few logins under way at one time, and none waits for ever behind those that take long', () => {
    const { tenants, seen } = createTenants(20);
    const budget = new ServerBudget('db', 5432, 20, ticker);
    const now = performance.now();
    for (const tenant of tenants) budget.want(tenant, now);
    expect(seen.slots).toHaveLength(LOGINS_AT_ONCE);
    for (const slot of seen.slots.slice(0, 2)) budget.openingEnded(slot, now, true);
    expect(seen.slots).toHaveLength(LOGINS_AT_ONCE + 2);
    budget.tick(now + LOGIN_COUNTS_MS);
    expect(seen.slots).toHaveLength(2 * LOGINS_AT_ONCE + 2);
  });

  it('counts a connection that the server may not have let go yet as its tenant’s', () => {
    const { tenants, seen } = createTenants(2);
    const [first, second] = tenants;
    if (first === undefined || second === undefined) throw new Error('There are two tenants.');
    const budget = new ServerBudget('db', 5432, 2, ticker);
    const now = performance.now();
    for (const tenant of tenants) budget.want(tenant, now);
    const [lost, closed] = seen.slots;
    if (lost === undefined || closed === undefined) throw new Error('There are two connections.');
    budget.freed(lost.pool, now, false);
    budget.freed(closed.pool, now, true);
    expect([budget.heldBy(first), first.held, budget.heldBy(second), second.held]).toEqual([1, 1, 0, 0]);
    expect(budget.stats(now).used).toBe(1);
    budget.tick(now + LINGER_MS);
    expect([budget.heldBy(first), first.held, budget.stats(now).used]).toEqual([0, 0, 0]);
  });
});
