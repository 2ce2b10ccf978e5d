import type { EventStore, SubscribeToAllOptions } from '@ultracore/event-sourcing';
import { append } from './append.ts';
import { openConnection } from './connection.ts';
import { EventStoreDbError } from './errors.ts';
import { readStream } from './read-stream.ts';
import { within } from './retry.ts';
import { type EventStoreDbSubscription, follow } from './subscription.ts';

export interface EventStoreDbOptions {
  /** `esdb://…`, as EventStoreDB's documentation has it. */
  readonly connectionString: string;
  /** Until when an append or a read is tried again while the store cannot be reached, in milliseconds; 10 s when left out. */
  readonly deadlineMs?: number;
  /** How often a subscription that delivers nothing is compared with the log, in milliseconds; 5 s when left out. */
  readonly watchdogMs?: number;
  /** Told of every interruption of a subscription, for the log. */
  readonly onProblem?: (problem: EventStoreDbError) => void;
}

export interface EventStoreDb extends EventStore {
  /** A subscription that survives lost connections, restarts of the server, and its own silent death. */
  readonly subscribeToAll: (options: SubscribeToAllOptions) => EventStoreDbSubscription;
  /** Stops the subscriptions and lets go of the connection. Appends and reads in flight fail. */
  readonly stop: () => Promise<void>;
}

const STOP_GRACE_MS = 1_000;

/**
 * The event store port over EventStoreDB. Appends throw `VersionConflict`, or `EventStoreDbError`: `outcome_unknown` when it could not be found out
 * before the deadline whether the events were stored, `stream_deleted`, `append_too_large`, `access_denied`. Reads throw `unavailable`.
 */
export function createEventStoreDb(options: EventStoreDbOptions): EventStoreDb {
  const { deadlineMs = 10_000, watchdogMs = 5_000, onProblem = () => undefined } = options;
  const connection = openConnection(options.connectionString);
  const { client } = connection;
  const subscriptions = new Set<EventStoreDbSubscription>();
  let stopped = false;

  const checkRunning = (): void => {
    if (stopped) throw new EventStoreDbError('stopped', 'the event store client was stopped');
  };
  const deadline = (): number => {
    checkRunning();
    return Date.now() + deadlineMs;
  };

  return {
    async readStream(streamName, range = {}) {
      const answer = await readStream(connection, streamName, range, deadline());
      // A read that is broken off by `stop` looks as if the stream ended there.
      checkRunning();
      return answer;
    },
    append: async (streamName, events, expected) => append(connection, { streamName, events, expected }, deadline()),
    subscribeToAll(subscribe) {
      deadline();
      const subscription = follow(client, { ...subscribe, watchdogMs, onProblem });
      subscriptions.add(subscription);
      const forget = () => subscriptions.delete(subscription);
      subscription.done.then(forget, forget);
      return subscription;
    },
    async stop() {
      stopped = true;
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
      // The client would wait for ever for a call that was given up half-way.
      await within(STOP_GRACE_MS, 'in time', client.dispose()).catch(() => undefined);
    },
  };
}
