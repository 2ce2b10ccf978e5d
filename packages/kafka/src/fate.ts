/** What becomes of a message, decided by its handler. */
export type Fate =
  | { readonly kind: 'ack' }
  | { readonly kind: 'retry_after'; readonly ms: number; readonly reason: string }
  | { readonly kind: 'dead_letter'; readonly reason: string }
  | { readonly kind: 'stop'; readonly reason: string };

/** Done: its offset may be committed. */
export const ack = (): Fate => ({ kind: 'ack' });

/** Not now: the same message again after so many milliseconds. Its partition waits, the others go on. */
export const retryAfter = (ms: number, reason: string): Fate => ({ kind: 'retry_after', ms, reason });

/** Never: to `<topic>.dlq` with its original bytes, and the partition goes on. */
export const deadLetter = (reason: string): Fate => ({ kind: 'dead_letter', reason });

/** The whole consumer stops before this message; `onStopped` is told. */
export const stopConsumer = (reason: string): Fate => ({ kind: 'stop', reason });
