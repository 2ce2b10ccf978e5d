/** Milliseconds: the first pause, and the longest. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait after the `failures`-th failure in a row (1 for the first): doubled each time up to the longest, then
 * spread over its upper half by `spread` in [0, 1), so that what failed together does not come back together.
 */
export const backoffMs = (failures: number, { firstMs, longestMs }: BackoffBounds, spread: number): number => {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30));
  return Math.round(full * (0.5 + spread / 2));
};
