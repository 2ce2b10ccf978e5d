import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  type EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  type Filter,
  type Position,
  type ResolvedEvent,
  StreamDeletedError,
  streamNameFilter,
  type StreamSubscription,
} from '@eventstore/db-client';
import { afterEach, describe, expect, test } from 'vitest';
import { all, anEvent, aPrefix, aStream, ids, some, until } from '../events.ts';
import { eventStores, useClient } from '../event-stores.ts';

describe.each(eventStores(process.env['EVENTSTOREDB_URL']))('subscribing to $name', (store) => {
  const opened = useClient(store);
  const subscriptions: (AllStreamSubscription | StreamSubscription)[] = [];
  afterEach(async () => {
    await Promise.all(subscriptions.splice(0).map((subscription) => subscription.unsubscribe()));
  });

  function collect(subscription: AllStreamSubscription | StreamSubscription) {
    subscriptions.push(subscription);
    const seen: NonNullable<(ResolvedEvent | AllStreamResolvedEvent)['event']>[] = [];
    const state = { seen, caughtUp: 0, errors: [] as Error[] };
    subscription.on('data', ({ event }: ResolvedEvent | AllStreamResolvedEvent) => {
      if (event) seen.push(event);
    });
    subscription.on('caughtUp', () => {
      state.caughtUp += 1;
    });
    subscription.on('error', (error: Error) => state.errors.push(error));
    return state;
  }
  const followAll = (filter: Filter, fromPosition?: Position | 'start' | 'end') =>
    collect(opened.client.subscribeToAll({ filter, ...(fromPosition === undefined ? {} : { fromPosition }) }));

  describe('$all', () => {
    test('delivers what is there, says that it has caught up, then delivers what comes', async () => {
      const prefix = aPrefix();
      const before = some(3);
      await opened.client.appendToStream(`${prefix}a`, before);
      await opened.client.appendToStream(aStream(), some(2));
      const state = followAll(streamNameFilter({ prefixes: [prefix] }));
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      expect(ids(state.seen)).toEqual(ids(before));
      const live = some(2);
      await opened.client.appendToStream(`${prefix}b`, live);
      await until(() => state.seen.length === 5, 'the live events');
      expect(ids(state.seen)).toEqual(ids([...before, ...live]));
      expect(state.caughtUp).toBe(1);
    });

    test.each([
      ['prefixes of stream names', (p: string) => streamNameFilter({ prefixes: [`${p}a`, `${p}c`] }), ['a', 'c']],
      ['a pattern of stream names', (p: string) => streamNameFilter({ regex: `^${p}[ab]$` }), ['a', 'b']],
      ['prefixes of event types', (p: string) => eventTypeFilter({ prefixes: [`${p}b`] }), ['b']],
      ['a pattern of event types', (p: string) => eventTypeFilter({ regex: `^${p}[bc]\\.v1$` }), ['b', 'c']],
    ] as const)('filtered by %s', async (_, filter, wanted) => {
      const prefix = aPrefix();
      for (const name of ['a', 'b', 'c']) {
        await opened.client.appendToStream(`${prefix}${name}`, anEvent(0, `${prefix}${name}.v1`));
      }
      const state = followAll(filter(prefix));
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      expect(state.seen.map((event) => event.streamId)).toEqual(wanted.map((name) => `${prefix}${name}`));
      await opened.client.appendToStream(`${prefix}b`, anEvent(1, `${prefix}b.v1`));
      await opened.client.appendToStream(`${prefix}c`, anEvent(1, `${prefix}c.v1`));
      const live = ['b', 'c'].filter((name) => (wanted as readonly string[]).includes(name));
      await until(() => state.seen.length === wanted.length + live.length, 'the live events');
    });

    test('can leave out what the server writes itself', async () => {
      const stream = aStream();
      await opened.client.setStreamMetadata(stream, { maxCount: 10 });
      await opened.client.appendToStream(stream, anEvent());
      const state = followAll(excludeSystemEvents());
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      expect(state.seen.filter((event) => event.type.startsWith('$'))).toEqual([]);
      expect(state.seen.some((event) => event.streamId === stream)).toBe(true);
    });

    test('starts after a position, and at the end', async () => {
      const prefix = aPrefix();
      await opened.client.appendToStream(`${prefix}a`, some(4));
      const events = await all(opened.client.readStream(`${prefix}a`));
      const position = events[1]?.position ?? { commit: 0n, prepare: 0n };
      const afterPosition = followAll(streamNameFilter({ prefixes: [prefix] }), position);
      const atEnd = followAll(streamNameFilter({ prefixes: [prefix] }), 'end');
      await until(() => afterPosition.seen.length === 2 && atEnd.caughtUp > 0, 'both subscriptions');
      expect(ids(afterPosition.seen)).toEqual(ids(events.slice(2)));
      const live = anEvent();
      await opened.client.appendToStream(`${prefix}a`, live);
      await until(() => afterPosition.seen.length === 3 && atEnd.seen.length === 1, 'the live event');
      expect(ids(atEnd.seen)).toEqual([live.id]);
    });

    test('without a filter delivers everything, metadata too', async () => {
      const stream = aStream();
      const head = (await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 })))[0]?.position;
      const state = collect(opened.client.subscribeToAll({ fromPosition: head ?? 'start' }));
      await opened.client.appendToStream(stream, anEvent());
      await opened.client.setStreamMetadata(stream, { maxCount: 10 });
      await until(() => state.seen.some((event) => event.streamId === `$$${stream}`), 'the metadata');
      expect(state.seen.some((event) => event.streamId === stream)).toBe(true);
    });

    test('says how far it has searched when nothing matches; from there nothing is missed', async () => {
      const prefix = aPrefix();
      const checkpoints: Position[] = [];
      const filter = streamNameFilter({
        prefixes: [prefix],
        maxSearchWindow: 10,
        checkpointReached: (_, position) => {
          checkpoints.push(position);
          return Promise.resolve();
        },
      });
      const state = followAll(filter);
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      const before = checkpoints.length;
      await opened.client.appendToStream(aStream(), some(35));
      await until(() => checkpoints.length >= before + 3, 'three checkpoints');
      expect(state.seen).toEqual([]);
      const positions = checkpoints.map((position) => position.commit);
      expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
      const wanted = anEvent();
      await opened.client.appendToStream(`${prefix}a`, wanted);
      const resumed = followAll(streamNameFilter({ prefixes: [prefix] }), checkpoints.at(-1));
      await until(() => resumed.seen.length === 1, 'the event after the checkpoint');
      expect(ids(resumed.seen)).toEqual([wanted.id]);
    });

    test('misses and doubles nothing between catching up and live, under writes', async () => {
      const prefix = aPrefix();
      const ending = new AbortController();
      const writer = async (n: number) => {
        while (!ending.signal.aborted) await opened.client.appendToStream(`${prefix}${n}`, some(3));
      };
      const writers = Array.from({ length: 4 }, (_, n) => writer(n));
      const states: ReturnType<typeof followAll>[] = [];
      for (let n = 0; n < 5; n += 1) {
        states.push(followAll(streamNameFilter({ prefixes: [prefix] })));
        const [last] = states.slice(-1);
        await until(() => (last?.caughtUp ?? 0) > 0, 'the subscription to catch up under writes');
      }
      ending.abort();
      await Promise.all(writers);
      const end = anEvent();
      await opened.client.appendToStream(`${prefix}end`, end);
      await until(() => states.every((state) => state.seen.at(-1)?.id === end.id), 'the last event everywhere');
      const [first, ...others] = states.map((state) => ids(state.seen));
      expect(new Set(first).size).toBe(first?.length);
      for (const other of others) expect(other).toEqual(first);
      const positions = states[0]?.seen.map((event) => event.position?.commit ?? 0n) ?? [];
      expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0n))).toBe(true);
      const counts = await Promise.all(
        [0, 1, 2, 3].map(async (n) => (await all(opened.client.readStream(`${prefix}${n}`))).length),
      );
      expect(first).toHaveLength(counts.reduce((sum, count) => sum + count, 1));
    });

    test('delivers everything to a reader that pauses for long, in order', async () => {
      const prefix = aPrefix();
      const subscription = opened.client.subscribeToAll({
        filter: streamNameFilter({ prefixes: [prefix] }),
        fromPosition: 'end',
      });
      const state = collect(subscription);
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      subscription.pause();
      const expected: string[] = [];
      for (let n = 0; n < 40; n += 1) {
        const events = some(250);
        expected.push(...ids(events));
        await opened.client.appendToStream(`${prefix}${n}`, events);
      }
      expect(state.seen.length).toBeLessThan(expected.length);
      subscription.resume();
      await until(() => state.seen.length === expected.length, 'all events');
      expect(ids(state.seen)).toEqual(expected);
    });
  });

  describe('a stream', () => {
    const follow = (stream: string, fromRevision?: bigint | 'start' | 'end', client: EventStoreDBClient = opened.client) =>
      collect(client.subscribeToStream(stream, fromRevision === undefined ? {} : { fromRevision }));

    test('delivers what is there and what comes, from the start, after a revision and at the end', async () => {
      const stream = aStream();
      const before = some(4);
      await opened.client.appendToStream(stream, before);
      const [start, after, end] = [follow(stream), follow(stream, 1n), follow(stream, 'end')];
      await until(() => [start, after, end].every((state) => state.caughtUp === 1), 'all three to catch up');
      expect(ids(start.seen)).toEqual(ids(before));
      expect(ids(after.seen)).toEqual(ids(before.slice(2)));
      expect(end.seen).toEqual([]);
      const live = some(3);
      await opened.client.appendToStream(aStream(), anEvent());
      await opened.client.appendToStream(stream, live);
      await until(() => end.seen.length === 3 && start.seen.length === 7 && after.seen.length === 5, 'the live events');
      expect(ids(start.seen)).toEqual(ids([...before, ...live]));
      expect(ids(end.seen)).toEqual(ids(live));
    });

    test('that does not exist yet delivers its first event', async () => {
      const stream = aStream();
      const state = follow(stream);
      await until(() => state.caughtUp > 0, 'the subscription to be live');
      const first = anEvent();
      await opened.client.appendToStream(stream, first);
      await until(() => state.seen.length === 1, 'the first event');
      expect(ids(state.seen)).toEqual([first.id]);
    });

    test('ends when the stream is tombstoned', async () => {
      const stream = aStream();
      await opened.client.appendToStream(stream, anEvent());
      const state = follow(stream);
      await until(() => state.caughtUp > 0, 'the subscription to be live');
      await opened.client.tombstoneStream(stream);
      await until(() => state.errors.length > 0, 'the end of the subscription');
      expect(state.errors[0]).toBeInstanceOf(StreamDeletedError);
      const late = follow(stream);
      await until(() => late.errors.length > 0, 'the refusal of a later subscription');
      expect(late.errors[0]).toBeInstanceOf(StreamDeletedError);
    });

    test('does not deliver what is truncated', async () => {
      const stream = aStream();
      const events = some(6);
      await opened.client.appendToStream(stream, events);
      await opened.client.setStreamMetadata(stream, { truncateBefore: 4 });
      const state = follow(stream);
      await until(() => state.caughtUp > 0, 'the subscription to catch up');
      expect(ids(state.seen)).toEqual(ids(events.slice(4)));
    });
  });
});
