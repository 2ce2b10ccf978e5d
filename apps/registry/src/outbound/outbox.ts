import type { ExistingTenant } from '../tenant/state.ts';
import type { PublicMessage } from './translate.ts';

/** What is to be published together: first how the tenants are, then what happened. */
export interface Batch {
  readonly states: ReadonlyMap<string, ExistingTenant>;
  readonly messages: readonly PublicMessage[];
  /** Position in the log of the last event in it. */
  readonly position: bigint;
}

export interface Outbox {
  add(batch: Batch): void;
  /** Fulfilled while there is room for more, or `signal` is aborted. */
  room(): Promise<void>;
  /** Fulfilled when there is something to take, `wake` was called or `signal` is aborted. */
  filled(): Promise<void>;
  wake(): void;
  /** Messages that wait. */
  size(): number;
  /** All there is, up to about `most` messages, as one batch; of each tenant the latest state. */
  take(most: number): Batch | undefined;
}

/**
 * Between the one who reads the log and the one who publishes: while a transaction is under way the next batch is read, folded and
 * translated, and batches that wait are published as one.
 */
export function createOutbox({ capacity, signal }: { capacity: number; signal: AbortSignal }): Outbox {
  const waiting: Batch[] = [];
  let messages = 0;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const isFull = (): boolean => messages >= capacity;
  signal.addEventListener('abort', wake, { once: true });

  return {
    add(batch) {
      waiting.push(batch);
      messages += batch.messages.length;
      wake();
    },
    async room() {
      while (isFull() && !signal.aborted) await changed.promise;
    },
    async filled() {
      if (waiting.length === 0 && !signal.aborted) await changed.promise;
    },
    wake,
    size: () => messages,
    take(most) {
      const [first] = waiting;
      if (!first) return undefined;
      let count = 0;
      let taken = 0;
      for (const batch of waiting) {
        if (taken > 0 && count + batch.messages.length > most) break;
        count += batch.messages.length;
        taken += 1;
      }
      const batches = waiting.splice(0, taken);
      messages -= count;
      wake();
      return taken === 1 ? first : merge(batches);
    },
  };
}

const merge = (batches: readonly Batch[]): Batch => ({
  // A later entry replaces an earlier one of the same tenant, and folds never go back.
  states: new Map(batches.flatMap((batch) => [...batch.states])),
  messages: batches.flatMap((batch) => batch.messages),
  position: batches.at(-1)?.position ?? 0n,
});
