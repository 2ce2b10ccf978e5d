/** What a set of measurements says; in the unit of the values. */
export interface Summary {
  count: number;
  median: number;
  min: number;
  max: number;
  q1: number;
  q3: number;
  p99: number;
}

/** Throws for an empty set: a bench that measured nothing must not print a figure. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('There is nothing to summarize.');
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    p99: quantile(sorted, 0.99),
  };
}

/**
 * The smallest value that at least the share `q` (0 to 1) of all are not above (nearest rank): always one that was measured. With
 * fewer than 100 values p99 is therefore the maximum.
 */
export function quantile(sorted: readonly number[], q: number): number {
  const index = Math.max(0, Math.ceil(q * sorted.length) - 1);
  return sorted[index] ?? Number.NaN;
}
