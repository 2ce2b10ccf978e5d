import { setTimeout as sleep } from 'node:timers/promises';

export interface PaceOptions {
  /** From the start of one batch to the start of the next, at least, while there is much to do; and the longest rest between two. */
  readonly everyMs: number;
  /** A batch of fewer than this is not "much": the next may follow at once. */
  readonly few: number;
  /** A batch of this many is worth its cost: the next may follow at once. */
  readonly many: number;
}

/**
 * For work whose cost is mostly in the batch, not in what is in it. When little happens nothing waits. When much happens, small batches
 * are spaced, and the work rests as long as a batch took, within bounds: each carries more, and others get their turn. When there is a
 * backlog nothing waits either.
 */
export function createPace({ everyMs, few, many }: PaceOptions) {
  let startedAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  return {
    begin(batch: number): void {
      startedAt = performance.now();
      count = batch;
    },
    /** Called when the batch is done: fulfilled when the next, for which so many wait already, may begin, or `signal` is aborted. */
    async next(waiting: number, signal: AbortSignal): Promise<void> {
      if (count < few || count >= many || waiting >= many) return;
      const took = performance.now() - startedAt;
      await sleep(Math.max(everyMs - took, Math.min(took, everyMs)), undefined, { signal }).catch(() => undefined);
    },
  };
}
