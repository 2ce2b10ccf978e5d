import { SHORT_MS } from '../scheduling/statement-profiles.ts';
import { TICK_MS } from './tuning.ts';

/** A sweep that is no later came in time. */
const ON_TIME_MS = 1;

/** Every so many sweeps is `seldom`. */
const SELDOM = 8;

/** How often something is to be looked at: at each sweep, or, while nothing of it runs, now and then. */
export type Pace = 'each' | 'seldom';

export interface Ticked {
  /** How often to look after it from now on; undefined: not until it is watched again. */
  tick(now: number): Pace | undefined;
}

/**
 * The one sweep over everything that waits or runs; no request has a timer. It runs only while there is something to sweep, and measures how late
 * the event loop is, so that a statement is not taken for a slow one because this process was busy.
 */
export class Ticker {
  readonly #watched = new Set<Ticked>();
  readonly #seldom = new Set<Ticked>();
  #sweeps = 0;
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
    if (this.#seldom.size > 0) this.#seldom.delete(ticked);
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
    this.#seldom.clear();
  }

  #sweep(): void {
    const now = performance.now();
    const turnMs = now - this.#last;
    this.lagMs = turnMs > TICK_MS + ON_TIME_MS ? 2 * turnMs : 0;
    this.#last = now;
    for (const ticked of this.#watched) {
      const pace = ticked.tick(now);
      if (pace === 'each') continue;
      this.#watched.delete(ticked);
      if (pace === 'seldom') this.#seldom.add(ticked);
    }
    if (++this.#sweeps % SELDOM === 0) this.#lookAtTheOthers(now);
    if (this.#watched.size + this.#seldom.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #lookAtTheOthers(now: number): void {
    for (const ticked of this.#seldom) {
      const pace = ticked.tick(now);
      if (pace === 'seldom') continue;
      this.#seldom.delete(ticked);
      if (pace === 'each') this.#watched.add(ticked);
    }
  }
}
