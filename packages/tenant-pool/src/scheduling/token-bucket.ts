/** How often something may be done: `most` times at once, and again once in `everyMs`. May be overdrawn, and gives nothing until that is made up for. */
export class TokenBucket {
  readonly #most: number;
  readonly #everyMs: number;
  #left: number;
  #at: number;

  constructor(most: number, everyMs: number, now: number) {
    this.#most = most;
    this.#everyMs = everyMs;
    this.#left = most;
    this.#at = now;
  }

  spend(now: number): void {
    this.#refill(now);
    this.#left--;
  }

  hasToken(now: number): boolean {
    // What is not used costs no more than this look.
    if (this.#left >= 1) return true;
    this.#refill(now);
    return this.#left >= 1;
  }

  #refill(now: number): void {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) / this.#everyMs);
    this.#at = now;
  }
}
