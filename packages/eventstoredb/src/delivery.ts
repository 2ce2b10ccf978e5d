import { setImmediate } from 'node:timers/promises';
import type { StoredEvent } from '@ultracore/event-sourcing';
import type { EventSource } from './subscribe-call.ts';

/** What the server tells aside from the events. */
export type Notice = 'caught_up' | { readonly checkpoint: bigint };

export interface DeliveryHandlers {
  readonly onEvents: (events: readonly StoredEvent[], position: bigint) => Promise<void>;
  readonly onNotice: (notice: Notice) => Promise<void> | void;
}

export interface Delivery {
  /** Hands over what comes until the connection is lost: then why. Undefined when it was stopped. Rejects with what a handler threw. */
  readonly run: () => Promise<Error | undefined>;
  /** Told while events before it may still wait to be taken; it is passed on after them. */
  readonly notice: (notice: Notice) => void;
  /** Something may have changed: there is an event to take, or it shall stop. */
  readonly wake: () => void;
  /** Ends `run` after the batch in hand. Only the first counts. */
  readonly fail: (error: Error) => void;
  /** No batch is in hand and none is waiting. */
  readonly isIdle: () => boolean;
}

/**
 * Moves events from the source to the handlers, one batch at a time; what is not taken fills the source, which then holds the server back.
 */
export function createDelivery(
  source: EventSource,
  { batchSize, isStopped, ...handlers }: DeliveryHandlers & { batchSize: number; isStopped: () => boolean },
): Delivery {
  let read = 0;
  let busy = false;
  let failure: Error | undefined;
  let wakeUp: (() => void) | undefined;
  /** In order; each is due when so many events have been read and handed over. */
  const notices: { due: number; notice: Notice }[] = [];

  const wake = () => wakeUp?.();
  const isEnded = () => failure !== undefined || isStopped();

  const takeBatch = (): StoredEvent[] => {
    const batch: StoredEvent[] = [];
    while (batch.length < batchSize) {
      const event = source.take();
      if (!event) break;
      read += 1;
      batch.push(event);
    }
    return batch;
  };

  const handOver = async (batch: readonly StoredEvent[]): Promise<void> => {
    const last = batch.at(-1);
    if (last) await handlers.onEvents(batch, last.position);
    for (let next = notices[0]; next && next.due <= read && !isEnded(); next = notices[0]) {
      notices.shift();
      await handlers.onNotice(next.notice);
    }
  };

  return {
    async run() {
      while (!isEnded()) {
        const batch = takeBatch();
        if (batch.length > 0 || (notices[0]?.due ?? Infinity) <= read) {
          busy = true;
          await handOver(batch);
          busy = false;
        } else {
          await new Promise<void>((resolve) => {
            wakeUp = resolve;
          });
          // The events of one packet are decoded one by one: they shall be one batch.
          await setImmediate();
        }
      }
      return isStopped() ? undefined : failure;
    },
    notice(notice) {
      notices.push({ due: read + source.waiting(), notice });
      wake();
    },
    wake,
    fail(error) {
      failure ??= error;
      wake();
    },
    isIdle: () => !busy && source.waiting() === 0,
  };
}
