import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isVersionConflict, type VersionConflict } from '../errors.ts';
import type { EventStore, NewEvent, StoredEvent, SubscribeToAllOptions } from '../event-store.ts';

export interface EventStoreUnderTest {
  readonly store: EventStore;
  close(): Promise<void>;
}

const DEADLINE_MS = 10_000;

const anEvent = (n = 0): NewEvent => ({ id: randomUUID(), type: 'Counted.v1', data: { n }, metadata: { actor: 'contract' } });
const some = (count: number): NewEvent[] => Array.from({ length: count }, (_, n) => anEvent(n));
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);

async function conflictOf(append: Promise<unknown>): Promise<VersionConflict> {
  const error: unknown = await append.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isVersionConflict(error)) throw new Error('a version conflict was expected', { cause: error });
  return error;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE_MS} ms for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/**
 * What every adapter of `EventStore` guarantees, as a vitest suite. `open` may return a store that holds other streams; the suite uses names
 * of its own.
 */
export function eventStoreContract(name: string, open: () => Promise<EventStoreUnderTest>): void {
  describe(`event store contract: ${name}`, () => {
    let opened: EventStoreUnderTest;
    let store: EventStore;
    const aPrefix = () => `contract_${randomUUID().replaceAll('-', '')}-`;
    const aStream = () => `${aPrefix()}1`;

    beforeAll(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterAll(() => opened.close());

    describe('reading', () => {
      test('a stream that was never written does not exist', async () => {
        expect(await store.readStream(aStream())).toEqual({ events: [], exists: false });
      });

      test('gives back id, type, body and metadata, with revisions from 0 and growing positions', async () => {
        const stream = aStream();
        const metadata = {
          correlationId: randomUUID(),
          causationId: randomUUID(),
          actor: 'Zoë 🦊',
          time: '2026-01-02T03:04:05.678Z',
        };
        const first = { ...anEvent(), data: { text: 'grün \u0001 "quoted"', nested: [1.5, null, { deep: true }] }, metadata };
        const second = anEvent(1);
        await store.append(stream, [first, second], 'no_stream');
        const { events, exists } = await store.readStream(stream);
        expect(exists).toBe(true);
        expect(events.map(({ id, type, data, metadata: stored }) => ({ id, type, data, metadata: stored }))).toEqual([
          first,
          second,
        ]);
        expect(events.map((event) => event.streamName)).toEqual([stream, stream]);
        expect(events.map((event) => event.revision)).toEqual([0n, 1n]);
        const [a, b] = events;
        expect(a && b && a.position < b.position).toBe(true);
        expect(a?.createdAt).toBeInstanceOf(Date);
      });

      test('starts at a revision and stops at a count; past the end is empty, yet the stream exists', async () => {
        const stream = aStream();
        const written = some(5);
        await store.append(stream, written, 'no_stream');
        expect(ids((await store.readStream(stream, { fromRevision: 1n, maxCount: 3 })).events)).toEqual(ids(written.slice(1, 4)));
        expect(ids((await store.readStream(stream, { fromRevision: 3n })).events)).toEqual(ids(written.slice(3)));
        expect(await store.readStream(stream, { fromRevision: 5n })).toEqual({ events: [], exists: true });
      });

      test('a long stream is read whole', async () => {
        const stream = aStream();
        const written = some(1_200);
        await store.append(stream, written, 'no_stream');
        expect(ids((await store.readStream(stream)).events)).toEqual(ids(written));
      });
    });

    describe('appending', () => {
      test('answers with the revision and position of the last event', async () => {
        const stream = aStream();
        const answer = await store.append(stream, some(3), 'no_stream');
        const last = (await store.readStream(stream)).events.at(-1);
        expect(answer).toEqual({ revision: 2n, position: last?.position });
      });

      test('to a stream at another revision is a conflict that says both, and stores nothing', async () => {
        const stream = aStream();
        await store.append(stream, some(2), 'no_stream');
        expect(await conflictOf(store.append(stream, some(1), 'no_stream'))).toMatchObject({ expected: 'no_stream', actual: 1n });
        expect(await conflictOf(store.append(stream, some(1), 0n))).toMatchObject({ expected: 0n, actual: 1n });
        expect(await conflictOf(store.append(stream, some(1), 7n))).toMatchObject({ expected: 7n, actual: 1n });
        expect(await conflictOf(store.append(aStream(), some(1), 0n))).toMatchObject({ expected: 0n, actual: 'no_stream' });
        expect((await store.readStream(stream)).events).toHaveLength(2);
      });

      test('the same events at the same place again is the same append', async () => {
        const stream = aStream();
        const first = some(2);
        const second = some(2);
        const firstAnswer = await store.append(stream, first, 'no_stream');
        await store.append(stream, second, 1n);
        expect(await store.append(stream, first, 'no_stream')).toMatchObject({ revision: firstAnswer.revision });
        expect(await store.append(stream, second, 1n)).toMatchObject({ revision: 3n });
        expect(ids((await store.readStream(stream)).events)).toEqual(ids([...first, ...second]));
      });

      test('of twenty writers at one revision exactly one succeeds', async () => {
        const stream = aStream();
        await store.append(stream, some(1), 'no_stream');
        const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => store.append(stream, some(1), 0n)));
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(refused).toHaveLength(19);
        expect(refused.every((outcome) => isVersionConflict(outcome.reason))).toBe(true);
        expect((await store.readStream(stream)).events).toHaveLength(2);
      });
    });

    describe('subscribing', () => {
      /** Collects what arrives; `stop` is called at the end of each test that uses it. */
      const collect = (options: Pick<SubscribeToAllOptions, 'streamPrefixes' | 'after'>) => {
        const seen: StoredEvent[] = [];
        let caughtUp = 0;
        const subscription = store.subscribeToAll({
          ...options,
          onEvents: (events) => {
            seen.push(...events);
            return Promise.resolve();
          },
          onCaughtUp: () => {
            caughtUp += 1;
          },
        });
        return { seen, caughtUp: () => caughtUp, subscription };
      };

      test('delivers what is there, then what comes, in the order of the log, of the wanted streams only', async () => {
        const prefix = aPrefix();
        const before = some(3);
        await store.append(`${prefix}a`, before, 'no_stream');
        await store.append(aStream(), some(2), 'no_stream');
        const { seen, caughtUp, subscription } = collect({ streamPrefixes: [prefix] });
        await until(() => caughtUp() > 0, 'the subscription to catch up');
        expect(ids(seen)).toEqual(ids(before));
        const live = some(2);
        await store.append(`${prefix}b`, live, 'no_stream');
        await until(() => seen.length === 5, 'the live events');
        expect(ids(seen)).toEqual(ids([...before, ...live]));
        const positions = seen.map((event) => event.position);
        expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
        expect(new Set(positions).size).toBe(5);
        await subscription.stop();
      });

      test('starts after a position, also one inside an append', async () => {
        const prefix = aPrefix();
        const written = some(4);
        await store.append(`${prefix}a`, written, 'no_stream');
        const { events } = await store.readStream(`${prefix}a`);
        const after = events[1]?.position ?? 0n;
        const { seen, subscription } = collect({ streamPrefixes: [prefix], after });
        await until(() => seen.length >= 2, 'the rest of the events');
        expect(ids(seen)).toEqual(ids(written.slice(2)));
        await subscription.stop();
      });

      test('follows several prefixes', async () => {
        const [a, b] = [aPrefix(), aPrefix()];
        await store.append(`${a}1`, some(1), 'no_stream');
        await store.append(`${b}1`, some(1), 'no_stream');
        const { seen, subscription } = collect({ streamPrefixes: [a, b] });
        await until(() => seen.length === 2, 'one event of each prefix');
        expect(seen.map((event) => event.streamName)).toEqual([`${a}1`, `${b}1`]);
        await subscription.stop();
      });

      test('hands over one batch at a time and says the position of its last event', async () => {
        const prefix = aPrefix();
        for (let n = 0; n < 30; n += 1) await store.append(`${prefix}${n}`, some(20), 'no_stream');
        let busy = 0;
        let overlapped = false;
        const seen: StoredEvent[] = [];
        const wrongPositions: bigint[] = [];
        const subscription = store.subscribeToAll({
          streamPrefixes: [prefix],
          onEvents: async (events, position) => {
            busy += 1;
            overlapped ||= busy > 1;
            await new Promise((resolve) => {
              setTimeout(resolve, 2);
            });
            if (events.at(-1)?.position !== position) wrongPositions.push(position);
            seen.push(...events);
            busy -= 1;
          },
        });
        await until(() => seen.length >= 600, '600 events');
        await subscription.stop();
        expect({ overlapped, wrongPositions, count: seen.length, distinct: new Set(ids(seen)).size }).toEqual({
          overlapped: false,
          wrongPositions: [],
          count: 600,
          distinct: 600,
        });
      });

      test('stop waits for the batch in hand, and nothing is delivered afterwards', async () => {
        const prefix = aPrefix();
        await store.append(`${prefix}a`, some(1), 'no_stream');
        let [started, finished, calls] = [false, false, 0];
        const subscription = store.subscribeToAll({
          streamPrefixes: [prefix],
          onEvents: async () => {
            calls += 1;
            started = true;
            await new Promise((resolve) => {
              setTimeout(resolve, 50);
            });
            finished = true;
          },
        });
        await until(() => started, 'the first batch');
        await subscription.stop();
        expect(finished).toBe(true);
        await store.append(`${prefix}a`, some(1), 0n);
        const control = collect({ streamPrefixes: [prefix] });
        await until(() => control.seen.length === 2, 'another subscription to see the later event');
        await control.subscription.stop();
        expect(calls).toBe(1);
      });

      test('ends by its signal', async () => {
        const ending = new AbortController();
        const subscription = store.subscribeToAll({
          streamPrefixes: [aPrefix()],
          onEvents: () => Promise.resolve(),
          signal: ending.signal,
        });
        ending.abort();
        await expect(subscription.done).resolves.toBeUndefined();
      });

      test('what onEvents throws ends it with that error', async () => {
        const prefix = aPrefix();
        await store.append(`${prefix}a`, some(1), 'no_stream');
        const subscription = store.subscribeToAll({
          streamPrefixes: [prefix],
          onEvents: () => Promise.reject(new Error('the handler is broken')),
        });
        await expect(subscription.done).rejects.toThrow('the handler is broken');
      });
    });
  });
}
