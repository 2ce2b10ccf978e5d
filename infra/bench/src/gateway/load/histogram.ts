/** Bucket widths: 1 µs below 10 ms, 10 µs below 100 ms, 1 ms below 10 s, and one bucket for the rest. */
const RANGES = [
  { until: 10, width: 0.001 },
  { until: 100, width: 0.01 },
  { until: 10_000, width: 1 },
] as const;
const BUCKETS = 10_000 + 9_000 + 9_900 + 1;

/** Buckets that are not empty, as they travel between processes. */
export type SparseCounts = [bucket: number, count: number][];

/** Counts of latencies in milliseconds, exact to 1 % or better from 0.1 ms to 10 s; recording allocates nothing. */
export interface Histogram {
  record(ms: number): void;
  count(): number;
  /** Upper end of the bucket in which the share `q` (0 to 1) of all is reached; NaN when nothing was recorded. */
  quantile(q: number): number;
  /** Adds what another histogram counted. */
  add(counts: SparseCounts): void;
  counts(): SparseCounts;
}

export function createHistogram(): Histogram {
  const buckets = new Float64Array(BUCKETS);
  let total = 0;
  return {
    record(ms) {
      const bucket = bucketOf(ms);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      total += 1;
    },
    count: () => total,
    quantile(q) {
      if (total === 0) return Number.NaN;
      const rank = Math.max(1, Math.ceil(q * total));
      let seen = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        seen += buckets[bucket] ?? 0;
        if (seen >= rank) return upperEnd(bucket);
      }
      return upperEnd(BUCKETS - 1);
    },
    add(counts) {
      for (const [bucket, count] of counts) {
        buckets[bucket] = (buckets[bucket] ?? 0) + count;
        total += count;
      }
    },
    counts: () => [...buckets.entries()].filter(([, count]) => count > 0),
  };
}

function bucketOf(ms: number): number {
  if (ms < 10) return Math.max(0, Math.floor(ms * 1000));
  if (ms < 100) return 10_000 + Math.floor((ms - 10) * 100);
  if (ms < 10_000) return 19_000 + Math.floor(ms - 100);
  return BUCKETS - 1;
}

function upperEnd(bucket: number): number {
  let first = 0;
  let from = 0;
  for (const { until, width } of RANGES) {
    const size = Math.round((until - from) / width);
    if (bucket < first + size) return from + (bucket - first + 1) * width;
    first += size;
    from = until;
  }
  return Number.POSITIVE_INFINITY;
}
