import type { EventStoreDBClient } from '@eventstore/db-client';
import type { SubscribeToAllOptions, Subscription } from '@ultracore/event-sourcing';
import { createDelivery, type Delivery, type Notice } from './delivery.ts';
import { EventStoreDbError, messageOf } from './errors.ts';
import { createBackoff } from './retry.ts';
import { openSubscription } from './subscribe-call.ts';
import { createWatchdog } from './watchdog.ts';

export interface EventStoreDbSubscription extends Subscription {
  readonly status: () => {
    /** Connected, and everything that was in the log on connecting has been delivered. */
    readonly live: boolean;
    /** Up to here everything was delivered; undefined before the first event or checkpoint of a subscription from the beginning. */
    readonly position: bigint | undefined;
  };
}

export interface FollowOptions extends SubscribeToAllOptions {
  /** How often it is checked that the subscription still delivers, in milliseconds. */
  readonly watchdogMs: number;
  /** Told of every interruption; the subscription goes on by itself. */
  readonly onProblem: (problem: EventStoreDbError) => void;
}

/** At most so many events in a batch, and as many more waiting in memory. */
const BATCH = 500;

/** After so many events the store says how far it has searched, also when none of them is wanted. */
const CHECKPOINT_EVERY = 250;

/** Follows the log until it is stopped: connects, delivers, and after any interruption again from the last position that was handed over. */
export function follow(client: EventStoreDBClient, options: FollowOptions): EventStoreDbSubscription {
  const stopping = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stopping.signal]) : stopping.signal;
  const backoff = createBackoff();
  let live = false;
  let position = options.after;

  const moveTo = (reached: bigint) => {
    position = reached;
    backoff.reset();
  };

  const pass = async (notice: Notice): Promise<void> => {
    if (notice === 'caught_up') {
      live = true;
      backoff.reset();
      options.onCaughtUp?.();
    } else if (position === undefined || notice.checkpoint > position) {
      await options.onCheckpoint?.(notice.checkpoint);
      moveTo(notice.checkpoint);
    }
  };

  /** From opening a connection until it is lost; returns why, undefined when the subscription was stopped. */
  const followOnce = async (): Promise<Error | undefined> => {
    const source = openSubscription(client, {
      after: position,
      streamPrefixes: options.streamPrefixes,
      checkpointEvery: CHECKPOINT_EVERY,
      capacity: BATCH,
      onEvent: () => delivery.wake(),
      onNotice: (notice) => delivery.notice(notice),
      onEnd: (error) => delivery.fail(error),
    });
    const delivery: Delivery = createDelivery(source, {
      batchSize: BATCH,
      isStopped: () => signal.aborted,
      onEvents: async (events, last) => {
        await options.onEvents(events, last);
        moveTo(last);
      },
      onNotice: pass,
    });
    signal.addEventListener('abort', delivery.wake);
    const watchdog = createWatchdog(client, {
      prefixes: options.streamPrefixes,
      everyMs: options.watchdogMs,
      position: () => position,
      isIdle: delivery.isIdle,
      onStalled: (reason) => delivery.fail(new EventStoreDbError('subscription_stalled', reason)),
    });
    try {
      return await delivery.run();
    } finally {
      live = false;
      watchdog.stop();
      signal.removeEventListener('abort', delivery.wake);
      source.close();
    }
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const lost = await followOnce();
      if (!lost) return;
      options.onProblem(asProblem(lost));
      await backoff.wait(signal);
    }
  };
  const done = run();
  // A failure is for whoever awaits `done`; nobody has to.
  done.catch(() => undefined);
  return {
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => undefined);
    },
    status: () => ({ live, position }),
  };
}

function asProblem(error: Error): EventStoreDbError {
  if (error instanceof EventStoreDbError) return error;
  return new EventStoreDbError('unavailable', `the subscription was interrupted: ${messageOf(error)}`, { cause: error });
}
