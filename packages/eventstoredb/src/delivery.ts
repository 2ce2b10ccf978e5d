import { setImmediate } from 'node:timers/promises';
import type { AllStreamResolvedEvent, AllStreamSubscription } from '@eventstore/db-client';
import type { StoredEvent } from '@ultracore/event-sourcing';
import { toStoredEvent } from './stored-event.ts';

/** What the client tells aside from the events. */
export type Notice = 'caught_up' | { readonly checkpoint: bigint };

export interface DeliveryHandlers {
  readonly onEvents: (events: readonly StoredEvent[], position: bigint) => Promise<void>;
  readonly onNotice: (notice: Notice) => Promise<void> | void;
}

export interface Delivery {
  /** Hands over what comes until the connection is lost: then why. Undefined when it was stopped. Rejects with what a handler threw. */
  readonly run: () => Promise<Error | undefined>;
  /** The client tells it while events before it still wait to be read; it is passed on after them. */
  readonly notice: (notice: Notice) => void;
  /** Something may have changed: there is an event to read, or it shall stop. */
  readonly wake: () => void;
  /** Ends `run` after the batch in hand. Only the first counts. */
  readonly fail: (error: Error) => void;
  /** No batch is in hand and none is waiting. */
  readonly isIdle: () => boolean;
}

/**
 * Moves events from the client's stream to the handlers, one batch at a time; what is not read stays in the stream, which holds the server back.
 */
export function createDelivery(
  source: AllStreamSubscription,
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
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Readable.read` is not generic
      const resolved = source.read() as AllStreamResolvedEvent | null;
      if (resolved === null) break;
      read += 1;
      const event = toStoredEvent(resolved);
      if (event) batch.push(event);
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
      notices.push({ due: read + source.readableLength, notice });
      wake();
    },
    wake,
    fail(error) {
      failure ??= error;
      wake();
    },
    isIdle: () => !busy && source.readableLength === 0,
  };
}
