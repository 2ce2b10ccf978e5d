/** How much all answers together may hold in memory. */
export interface MemoryBudget {
  /** False when there is not so much left; then nothing was taken. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
  readonly used: number;
}

export function createMemoryBudget(limit: number): MemoryBudget {
  let used = 0;
  return {
    take(bytes) {
      if (used + bytes > limit) return false;
      used += bytes;
      return true;
    },
    giveBack(bytes) {
      used -= bytes;
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

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Takes more when the answer has grown to `bytes`. False when there is no more. */
  covers(bytes: number): boolean {
    if (bytes <= FREE_BYTES + this.#taken) return true;
    const more = Math.ceil((bytes - FREE_BYTES - this.#taken) / STEP_BYTES) * STEP_BYTES;
    if (!this.#budget.take(more)) return false;
    this.#taken += more;
    return true;
  }

  get isTaken(): boolean {
    return this.#taken > 0;
  }

  release(): void {
    this.#budget.giveBack(this.#taken);
    this.#taken = 0;
  }
}
