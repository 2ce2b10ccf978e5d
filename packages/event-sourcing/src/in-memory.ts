import { VersionConflict } from './errors.ts';
import type { EventStore, ExpectedRevision, NewEvent, StoredEvent, SubscribeToAllOptions, Subscription } from './event-store.ts';

const BATCH = 200;

/** The port in memory, for tests and for trying a decider out. Bodies are copied through JSON, as a real store does. */
export function createInMemoryEventStore(options: { now?: () => Date } = {}): EventStore {
  const now = options.now ?? (() => new Date());
  const log: StoredEvent[] = [];
  const streams = new Map<string, StoredEvent[]>();
  const wakeUps = new Set<() => void>();

  const isRepeat = (stream: readonly StoredEvent[], events: readonly NewEvent[], expected: ExpectedRevision): boolean => {
    const start = expected === 'no_stream' ? 0 : Number(expected) + 1;
    return events.every((event, n) => stream[start + n]?.id === event.id);
  };

  return {
    readStream(streamName, { fromRevision = 0n, maxCount } = {}) {
      const stream = streams.get(streamName);
      const start = Number(fromRevision);
      const events = stream?.slice(start, maxCount === undefined ? undefined : start + maxCount) ?? [];
      return Promise.resolve({ events, exists: stream !== undefined });
    },

    append(streamName, events, expected) {
      const stream = streams.get(streamName) ?? [];
      const actual = stream.length === 0 ? 'no_stream' : BigInt(stream.length - 1);
      if (actual !== expected) {
        if (!isRepeat(stream, events, expected)) return Promise.reject(new VersionConflict(streamName, expected, actual));
        const last = stream[(expected === 'no_stream' ? 0 : Number(expected) + 1) + events.length - 1];
        return Promise.resolve({ revision: last?.revision ?? 0n, position: last?.position ?? 0n });
      }
      const createdAt = now();
      for (const { id, type, data, metadata } of events) {
        const copy: { data: unknown; metadata: NewEvent['metadata'] } = JSON.parse(JSON.stringify({ data, metadata }));
        const stored = {
          id,
          streamName,
          type,
          ...copy,
          createdAt,
          revision: BigInt(stream.length),
          position: BigInt(log.length),
        };
        stream.push(stored);
        log.push(stored);
      }
      streams.set(streamName, stream);
      for (const wake of wakeUps) wake();
      return Promise.resolve({ revision: BigInt(stream.length - 1), position: BigInt(log.length - 1) });
    },

    subscribeToAll: (subscription) => follow(log, wakeUps, subscription),
  };
}

function follow(log: readonly StoredEvent[], wakeUps: Set<() => void>, options: SubscribeToAllOptions): Subscription {
  const stopping = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stopping.signal]) : stopping.signal;
  let wake: () => void = () => undefined;
  const wakeUp = () => wake();
  wakeUps.add(wakeUp);
  signal.addEventListener('abort', wakeUp);

  const run = async (): Promise<void> => {
    let next = options.after === undefined ? 0 : Number(options.after) + 1;
    while (!signal.aborted) {
      const scanned = log.slice(next, next + BATCH);
      const last = scanned.at(-1);
      if (!last) {
        options.onCaughtUp?.();
        const grown = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (log.length === next && !signal.aborted) await grown;
        continue;
      }
      const wanted = scanned.filter((event) => options.streamPrefixes.some((prefix) => event.streamName.startsWith(prefix)));
      const lastWanted = wanted.at(-1);
      if (lastWanted) await options.onEvents(wanted, lastWanted.position);
      if (last !== lastWanted) await options.onCheckpoint?.(last.position);
      next += scanned.length;
    }
  };
  const done = run().finally(() => {
    wakeUps.delete(wakeUp);
    signal.removeEventListener('abort', wakeUp);
  });
  // A failure is for whoever awaits `done`; nobody has to.
  done.catch(() => undefined);
  return {
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => undefined);
    },
  };
}
