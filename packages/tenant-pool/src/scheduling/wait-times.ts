/** Bucket n holds waits below 0.1 ms × 1.25^n; 68 of them reach to five minutes. */
const FIRST_MS = 0.1;
const FACTOR = 1.25;
const BUCKETS = 68;
const LOG_FACTOR = Math.log(FACTOR);

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * How long requests waited for a connection, of the last one to two windows. Percentiles are the upper edges of buckets that grow by a quarter,
 * so at most 25 % too high; 0 means that there was no wait.
 */
export class WaitTimes {
  #current: Uint32Array | undefined;
  #previous: Uint32Array | undefined;
  #none = 0;
  #noneBefore = 0;
  #windowEnds: number;
  readonly #windowMs: number;

  constructor(now: number, windowMs = 60_000) {
    this.#windowMs = windowMs;
    this.#windowEnds = now + windowMs;
  }

  /** A request that did not wait at all: nothing but a counter. */
  recordNone(now: number): void {
    if (now >= this.#windowEnds) this.#rotate(now);
    this.#none++;
  }

  record(ms: number, now: number): void {
    if (now >= this.#windowEnds) this.#rotate(now);
    const bucket = ms < FIRST_MS ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / FIRST_MS) / LOG_FACTOR));
    this.#current ??= new Uint32Array(BUCKETS);
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
  }

  percentiles(now: number): Percentiles {
    if (now >= this.#windowEnds) this.#rotate(now);
    return percentilesOf([this], now);
  }

  /** Counts by bucket, the first one those without a wait. */
  counts(now: number): number[] {
    if (now >= this.#windowEnds) this.#rotate(now);
    const counts = [this.#none + this.#noneBefore];
    for (let bucket = 0; bucket < BUCKETS; bucket++)
      counts.push((this.#current?.[bucket] ?? 0) + (this.#previous?.[bucket] ?? 0));
    return counts;
  }

  #rotate(now: number): void {
    const late = now >= this.#windowEnds + this.#windowMs;
    this.#previous = late ? undefined : this.#current;
    this.#noneBefore = late ? 0 : this.#none;
    this.#current = undefined;
    this.#none = 0;
    this.#windowEnds = now + this.#windowMs;
  }
}

/** Percentiles over several, e.g. both roles of a tenant. */
export function percentilesOf(waits: Iterable<WaitTimes>, now: number): Percentiles {
  const counts: number[] = Array.from({ length: BUCKETS + 1 }, () => 0);
  for (const wait of waits)
    for (const [bucket, count] of wait.counts(now).entries()) counts[bucket] = (counts[bucket] ?? 0) + count;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const at = (fraction: number): number => {
    let seen = 0;
    for (const [bucket, count] of counts.entries()) {
      seen += count;
      if (count > 0 && seen >= total * fraction)
        return bucket === 0 ? 0 : Number((FIRST_MS * FACTOR ** (bucket - 1)).toPrecision(3));
    }
    return 0;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
