/** How much of this thread's time texts may take that were never seen before, by tenant. */
export interface Allowance {
  /** Whether anything of it is left. */
  has(tenantId: string): boolean;
  /** Whether more was spent than all there ever is: by one call with very many texts. */
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
const MAX_ACCOUNTS = 20_000;

/** A token bucket for each tenant, in milliseconds of parsing. `now` is in milliseconds. */
export function createAllowance(now: () => number = () => performance.now()): Allowance {
  const accounts = new Map<string, Account>();

  const current = (tenantId: string): Account => {
    const at = now();
    const account = accounts.get(tenantId) ?? { left: MOST_MS, at };
    account.left = Math.min(MOST_MS, account.left + ((at - account.at) / 1000) * MS_A_SECOND);
    account.at = at;
    return account;
  };
  /** Those with all of it left are as if they had never been here. */
  const forgetFull = (): void => {
    for (const tenantId of accounts.keys()) if (current(tenantId).left === MOST_MS) accounts.delete(tenantId);
  };

  return {
    has: (tenantId) => current(tenantId).left > 0,
    isOverdrawn: (tenantId) => current(tenantId).left < -MOST_MS,
    spend(tenantId, ms) {
      const account = current(tenantId);
      account.left -= ms;
      if (accounts.size >= MAX_ACCOUNTS) forgetFull();
      accounts.set(tenantId, account);
    },
  };
}
