import type { LeaseOptions } from './lease.ts';
import { until } from './until.ts';

/** Something that is asked once for all who want to know it, and given up when nobody waits for it any more. */
export class SharedAsk<T> {
  readonly #gone = new AbortController();
  readonly #answer: Promise<T>;
  #waiting = 0;

  /** `ask` is called at once, and its signal aborted when the last who waited has gone. */
  constructor(ask: (signal: AbortSignal) => Promise<T>) {
    this.#answer = ask(this.#gone.signal);
  }

  /** Nobody may join any more. */
  get over(): boolean {
    return this.#gone.signal.aborted;
  }

  /** The answer, unless the caller's own deadline or signal comes before. */
  async wait(options: Partial<LeaseOptions>): Promise<T> {
    this.#waiting++;
    try {
      return await until(this.#answer, options);
    } finally {
      if (--this.#waiting === 0) this.#gone.abort();
    }
  }
}
