import { PATIENCE_MS, TICK_MS } from './tuning.ts';

export interface Ticked {
  /** Whether there is still something to look after. */
  tick(now: number): boolean;
}

/**
 * The one sweep over everything that waits or runs; no request has a timer. It runs only while there is something to sweep, and measures how late
 * the event loop is, so that a statement is not taken for a slow one because this process was busy.
 */
export class Ticker {
  readonly #watched = new Set<Ticked>();
  #timer: NodeJS.Timeout | undefined = undefined;
  #last = 0;
  lagMs = 0;
  /** Up to how long a statement counts as short, at this moment. */
  patienceMs = PATIENCE_MS;

  watch(ticked: Ticked): void {
    this.#watched.add(ticked);
    if (this.#timer !== undefined) return;
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#sweep(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  #sweep(): void {
    const now = performance.now();
    this.lagMs = Math.max(now - this.#last - TICK_MS, this.lagMs * 0.8, 0);
    this.patienceMs = PATIENCE_MS + 2 * this.lagMs;
    this.#last = now;
    for (const ticked of this.#watched) if (!ticked.tick(now)) this.#watched.delete(ticked);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
