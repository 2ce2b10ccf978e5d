/** How much of this thread's time texts may take that were never seen before: by tenant, and of all together. */
export interface Allowance {
  /** Whether anything of it is left, to the tenant and to all. */
  has(tenantId: string): boolean;
  /**
   * Whether more was spent than all there ever is, by the tenant or by all: in one call with very many texts, or while the thread for long
   * texts took no more of the tenant's.
   */
  isOverdrawn(tenantId: string): boolean;
  spend(tenantId: string, ms: number): void;
}

interface Account {
  /** Milliseconds; below zero when the last text took more than there was. */
  left: number;
  at: number;
}

/** Hundreds of usual texts at once; of the worst that are parsed on the spot, a few. */
const MOST_MS = 50;
/** Of each second, so that no tenant has more than a fiftieth of the thread for long. */
const MS_A_SECOND = 20;
/** Of all tenants together: some thousands of usual texts at once, and a fifth of the thread for long. */
const MOST_MS_OF_ALL = 500;
const MS_A_SECOND_OF_ALL = 200;
const MAX_ACCOUNTS = 20_000;

/** A token bucket for each tenant and one for all, in milliseconds of parsing. `now` is in milliseconds. */
export function createAllowance(now: () => number = () => performance.now()): Allowance {
  const accounts = new Map<string, Account>();
  const common: Account = { left: MOST_MS_OF_ALL, at: now() };

  const current = (tenantId: string): Account => {
    const at = now();
    const account = accounts.get(tenantId) ?? { left: MOST_MS, at };
    refill(account, at, MOST_MS, MS_A_SECOND);
    return account;
  };
  /** Those with all of it left are as if they had never been here. */
  const forgetFull = (): void => {
    for (const tenantId of accounts.keys()) if (current(tenantId).left === MOST_MS) accounts.delete(tenantId);
  };

  const leftToAll = (): number => {
    refill(common, now(), MOST_MS_OF_ALL, MS_A_SECOND_OF_ALL);
    return common.left;
  };

  return {
    has: (tenantId) => leftToAll() > 0 && current(tenantId).left > 0,
    isOverdrawn: (tenantId) => leftToAll() < -MOST_MS_OF_ALL || current(tenantId).left < -MOST_MS,
    spend(tenantId, ms) {
      const account = current(tenantId);
      account.left -= ms;
      common.left -= ms;
      if (accounts.size >= MAX_ACCOUNTS) forgetFull();
      accounts.set(tenantId, account);
    },
  };
}

function refill(account: Account, at: number, most: number, aSecond: number): void {
  account.left = Math.min(most, account.left + ((at - account.at) / 1000) * aSecond);
  account.at = at;
}
