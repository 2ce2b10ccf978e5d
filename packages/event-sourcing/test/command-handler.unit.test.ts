import { randomUUID } from 'node:crypto';
import {
  createCommandHandler,
  createInMemoryEventStore,
  eventId,
  type EventStore,
  VersionConflict,
} from '@ultracore/event-sourcing';
import { describe, expect, test } from 'vitest';
import { counter, counterCodec } from './counter.ts';

/** An in-memory store that counts its calls. */
function countingStore() {
  const store = createInMemoryEventStore();
  const calls = { reads: 0, appends: 0 };
  const counting: EventStore = {
    ...store,
    readStream: (...args) => {
      calls.reads += 1;
      return store.readStream(...args);
    },
    append: (...args) => {
      calls.appends += 1;
      return store.append(...args);
    },
  };
  return { store: counting, calls };
}
const handlerOf = (store: EventStore, cacheSize = 10) =>
  createCommandHandler({ store, decider: counter, codec: counterCodec, cacheSize });
const request = (requestId: string = randomUUID()) => ({ requestId, metadata: { actor: 'test' } });

describe('createCommandHandler', () => {
  test('appends what was decided, with ids derived from the request', async () => {
    const { store } = countingStore();
    const { handle } = handlerOf(store);
    await handle('c-1', { type: 'Open', name: 'a' }, request());
    const asked = request();
    const handled = await handle('c-1', { type: 'Count', by: [1, 2] }, asked);
    expect(handled).toMatchObject({ state: { total: 3 }, revision: 2n, duplicate: false });
    const { events } = await store.readStream('c-1', { fromRevision: 1n });
    expect(events.map((event) => [event.id, event.type, event.metadata])).toEqual([
      [eventId(asked.requestId, 0), 'Counted.v1', { actor: 'test' }],
      [eventId(asked.requestId, 1), 'Counted.v1', { actor: 'test' }],
    ]);
  });

  test('a refusal appends nothing', async () => {
    const { store, calls } = countingStore();
    await expect(handlerOf(store).handle('c-1', { type: 'Count', by: [1] }, request())).rejects.toMatchObject({
      code: 'not_open',
    });
    expect(calls.appends).toBe(0);
  });

  test('what the check refuses is not stored, and the stream can be written to after it', async () => {
    const { store, calls } = countingStore();
    const asked: unknown[] = [];
    const { handle } = createCommandHandler({
      store,
      decider: counter,
      codec: counterCodec,
      cacheSize: 10,
      check: ({ streamName, events, state }) => {
        asked.push([streamName, events.map(({ revision }) => revision), state.total]);
        return state.total > 2 ? 'too much to say' : undefined;
      },
    });
    await handle('c-1', { type: 'Open', name: 'a' }, { ...request(), assumeNew: true });
    const tooMuch = handle('c-1', { type: 'Count', by: [1, 2] }, request());
    await expect(tooMuch).rejects.toMatchObject({ code: 'event_not_publishable', message: 'too much to say' });
    expect(calls.appends).toBe(1);
    await expect(handle('c-1', { type: 'Count', by: [2] }, request())).resolves.toMatchObject({
      state: { total: 2 },
      revision: 1n,
    });
    expect(asked).toEqual([
      ['c-1', [0n], 0],
      ['c-1', [1n, 2n], 3],
      ['c-1', [1n], 2],
    ]);
  });

  test('a repeated request has succeeded: nothing is decided or appended, also where the command would now be refused', async () => {
    const { store } = countingStore();
    const asked = request();
    await handlerOf(store).handle('c-1', { type: 'Open', name: 'a' }, asked);
    const again = await handlerOf(store).handle('c-1', { type: 'Open', name: 'a' }, asked);
    expect(again).toMatchObject({ events: [], duplicate: true, revision: 0n, state: { open: true } });
    expect((await store.readStream('c-1')).events).toHaveLength(1);
  });

  test('a given first id marks the duplicate, and what follows derives from the request', async () => {
    const { store } = countingStore();
    const { handle } = handlerOf(store);
    await handle('c-1', { type: 'Open', name: 'a' }, request());
    const factId = randomUUID();
    const options = { ...request(factId), firstEventId: factId };
    await handle('c-1', { type: 'Count', by: [1, 1] }, options);
    expect(await handle('c-1', { type: 'Count', by: [1, 1] }, options)).toMatchObject({ duplicate: true });
    expect((await store.readStream('c-1')).events.map((event) => event.id).slice(1)).toEqual([factId, eventId(factId, 1)]);
  });

  test('metadata may depend on the event and its place', async () => {
    const { store } = countingStore();
    const requestId = randomUUID();
    await handlerOf(store).handle(
      'c-1',
      { type: 'Open', name: 'a' },
      { requestId, metadata: (event, n, id) => ({ actor: `${event.type}/${n}/${id}` }) },
    );
    expect((await store.readStream('c-1')).events[0]?.metadata.actor).toBe(`Opened/0/${eventId(requestId, 0)}`);
  });

  test('a warm stream costs no read', async () => {
    const { store, calls } = countingStore();
    const { handle } = handlerOf(store);
    await handle('c-1', { type: 'Open', name: 'a' }, request());
    calls.reads = 0;
    for (let n = 0; n < 5; n += 1) await handle('c-1', { type: 'Count', by: [1] }, request());
    expect(calls).toEqual({ reads: 0, appends: 6 });
  });

  test('a stream taken for new costs no read, and one that exists after all is read and decided upon', async () => {
    const { store, calls } = countingStore();
    const { handle } = handlerOf(store);
    const open = { type: 'Open', name: 'a' } as const;
    await handle('c-1', open, { ...request(), assumeNew: true });
    expect(calls.reads).toBe(0);
    const elsewhere = handlerOf(store);
    await expect(elsewhere.handle('c-1', open, { ...request(), assumeNew: true })).rejects.toMatchObject({
      code: 'already_open',
    });
    expect((await store.readStream('c-1')).events).toHaveLength(1);
  });

  test('a stale cache ends in a conflict, a read of the tail and the right decision', async () => {
    const { store } = countingStore();
    const [a, b] = [handlerOf(store), handlerOf(store)];
    await a.handle('c-1', { type: 'Open', name: 'a' }, request());
    await b.handle('c-1', { type: 'Count', by: [5] }, request());
    expect(await a.handle('c-1', { type: 'Count', by: [1] }, request())).toMatchObject({ state: { total: 6 }, revision: 2n });
  });

  test('a conflict is retried three times, then thrown; another error at once', async () => {
    const { store, calls } = countingStore();
    const failing = (error: Error): EventStore => ({
      ...store,
      append: () => {
        calls.appends += 1;
        return Promise.reject(error);
      },
    });
    const conflict = new VersionConflict('c-1', 'no_stream', 0n);
    await expect(handlerOf(failing(conflict)).handle('c-1', { type: 'Open', name: 'a' }, request())).rejects.toBe(conflict);
    expect(calls.appends).toBe(4);
    await expect(handlerOf(failing(new Error('down'))).handle('c-1', { type: 'Open', name: 'a' }, request())).rejects.toThrow(
      'down',
    );
    expect(calls.appends).toBe(5);
  });

  test('commands of one process for one stream never conflict', async () => {
    const { store, calls } = countingStore();
    const { handle } = handlerOf(store);
    await handle('c-1', { type: 'Open', name: 'a' }, request());
    await Promise.all(Array.from({ length: 50 }, () => handle('c-1', { type: 'Count', by: [1] }, request())));
    expect(calls.appends).toBe(51);
  });

  test('a command without effect is decided on what other processes appended meanwhile, never on a stale fold', async () => {
    const { store } = countingStore();
    const [a, b] = [handlerOf(store), handlerOf(store)];
    await a.handle('c-1', { type: 'Open', name: 'a' }, request());
    const asked = request();
    await b.handle('c-1', { type: 'Count', by: [1] }, asked);
    expect(await a.handle('c-1', { type: 'Count', by: [] }, request())).toMatchObject({ state: { total: 1 }, revision: 1n });
    await expect(a.handle('c-1', { type: 'Open', name: 'b' }, request())).rejects.toMatchObject({ code: 'already_open' });
  });

  test('what was appended on an assumed new stream is not taken for its content', async () => {
    const { store } = countingStore();
    const asked = { ...request(), assumeNew: true };
    await handlerOf(store).handle('c-1', { type: 'Open', name: 'a' }, asked);
    await handlerOf(store).handle('c-1', { type: 'Count', by: [4] }, request());
    const again = handlerOf(store);
    expect(await again.handle('c-1', { type: 'Open', name: 'b' }, asked)).toMatchObject({ revision: 0n });
    expect(await again.load('c-1')).toMatchObject({ state: { total: 4 }, revision: 1n });
    expect(await again.handle('c-1', { type: 'Count', by: [1] }, request())).toMatchObject({ state: { total: 5 }, revision: 2n });
  });

  test('a refusal on an assumed new stream is checked against the store first', async () => {
    const { store } = countingStore();
    await handlerOf(store).handle('c-1', { type: 'Open', name: 'a' }, request());
    const counted = await handlerOf(store).handle('c-1', { type: 'Count', by: [2] }, { ...request(), assumeNew: true });
    expect(counted).toMatchObject({ state: { total: 2 }, duplicate: false });
  });

  test('a failed command does not hold up the next one', async () => {
    const { handle } = handlerOf(countingStore().store);
    const [first, second] = await Promise.allSettled([
      handle('c-1', { type: 'Count', by: [1] }, request()),
      handle('c-1', { type: 'Open', name: 'a' }, request()),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  test('load sees what other processes appended', async () => {
    const { store } = countingStore();
    const [a, b] = [handlerOf(store), handlerOf(store)];
    expect(await a.load('c-1')).toEqual({ state: { open: false, total: 0 }, revision: null, ids: new Set() });
    const [opening, counting] = [request(), request()];
    await a.handle('c-1', { type: 'Open', name: 'a' }, opening);
    await b.handle('c-1', { type: 'Count', by: [2] }, counting);
    const ids = new Set([opening, counting].map(({ requestId }) => eventId(requestId, 0)));
    expect(await a.load('c-1')).toEqual({ state: { open: true, total: 2 }, revision: 1n, ids });
  });

  test('streams beyond the cache are simply read again', async () => {
    const { store } = countingStore();
    const { handle } = handlerOf(store, 2);
    for (const name of ['c-1', 'c-2', 'c-3']) await handle(name, { type: 'Open', name }, request());
    for (const name of ['c-1', 'c-2', 'c-3']) {
      expect(await handle(name, { type: 'Count', by: [1] }, request())).toMatchObject({ revision: 1n });
    }
  });
});
