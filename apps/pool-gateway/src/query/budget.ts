/** How much all larger answers and bodies of requests together, and those of one tenant, may hold in memory. */
export interface MemoryBudget {
  /** False when there is not so much left; then nothing was taken. */
  take(tenantId: string, bytes: number): boolean;
  giveBack(tenantId: string, bytes: number): void;
  readonly used: number;
}

/** `ofOne`: what one tenant may have of it, so that callers who do not read their answers, or send very much, hold up their own tenant only. */
export function createMemoryBudget(limit: number, ofOne: number): MemoryBudget {
  let used = 0;
  const byTenant = new Map<string, number>();
  return {
    take(tenantId, bytes) {
      const own = (byTenant.get(tenantId) ?? 0) + bytes;
      if (used + bytes > limit || own > ofOne) return false;
      used += bytes;
      byTenant.set(tenantId, own);
      return true;
    },
    giveBack(tenantId, bytes) {
      const own = (byTenant.get(tenantId) ?? 0) - bytes;
      used -= bytes;
      if (own > 0) byTenant.set(tenantId, own);
      else byTenant.delete(tenantId);
    },
    get used() {
      return used;
    },
  };
}

/** Answers up to this size are not counted: there are as many as there are requests, and those are limited. */
const FREE_BYTES = 64 * 1024;
const STEP_BYTES = 256 * 1024;

/** What one answer has taken of the budget. */
export class MemoryClaim {
  #taken = 0;
  readonly #budget: MemoryBudget;
  readonly #tenantId: string;

  constructor(budget: MemoryBudget, tenantId: string) {
    this.#budget = budget;
    this.#tenantId = tenantId;
  }

  /** Takes more when the answer has grown to `bytes`. False when there is no more. */
  covers(bytes: number): boolean {
    if (bytes <= FREE_BYTES + this.#taken) return true;
    const more = Math.ceil((bytes - FREE_BYTES - this.#taken) / STEP_BYTES) * STEP_BYTES;
    if (!this.#budget.take(this.#tenantId, more)) return false;
    this.#taken += more;
    return true;
  }

  get isTaken(): boolean {
    return this.#taken > 0;
  }

  release(): void {
    if (this.#taken > 0) this.#budget.giveBack(this.#tenantId, this.#taken);
    this.#taken = 0;
  }
}
