import { SHORT_MS } from '../scheduling/statement-profiles.ts';
import { TICK_MS } from './tuning.ts';

/** A sweep that is no later came in time. */
const ON_TIME_MS = 1;

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
  /**
   * By how much a measured time may be too long because this process was busy: while the loop is late, up to a turn of it for sending and another for
   * reading.
   */
  lagMs = 0;

  /** A connection whose oldest statement has run longer than this gets nothing behind it. */
  get patienceMs(): number {
    return SHORT_MS + this.lagMs;
  }

  watch(ticked: Ticked): void {
    this.#watched.add(ticked);
    if (this.#timer !== undefined) return;
    this.#last = performance.now();
    // Not unref'ed: something that waits for a server to come back may be all that keeps the process from ending.
    this.#timer = setInterval(() => this.#sweep(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  #sweep(): void {
    const now = performance.now();
    const turnMs = now - this.#last;
    this.lagMs = turnMs > TICK_MS + ON_TIME_MS ? 2 * turnMs : 0;
    this.#last = now;
    for (const ticked of this.#watched) if (!ticked.tick(now)) this.#watched.delete(ticked);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
