import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { type EventStoreServer, startEventStore } from '@ultracore/embedded-eventstore';
import { isVersionConflict, type NewEvent } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEventStoreDb, type EventStoreDb, isEventStoreDbError } from '../src/index.ts';
import { type Proxy, startProxy } from './proxy.ts';

let dataDir: string;
let server: EventStoreServer;
let proxy: Proxy;
/** Through the proxy. */
let store: EventStoreDb;
/** Straight to the server. */
let direct: EventStoreDb;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'eventstoredb-'));
  server = await startEventStore({ port: 0, dataDir });
  proxy = await startProxy(server.url);
  store = createEventStoreDb({ connectionString: proxy.url });
  direct = createEventStoreDb({ connectionString: server.url });
});
afterEach(async () => {
  await store.stop();
  await direct.stop();
  await proxy[Symbol.asyncDispose]();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

const anEvent = (): NewEvent => ({ id: randomUUID(), type: 'Counted.v1', data: { n: 1 }, metadata: {} });
const idsIn = async (stream: string) => (await direct.readStream(stream)).events.map((event) => event.id);
const settled = (promise: Promise<unknown>) =>
  promise.then(
    () => 'stored',
    (error: unknown) => error,
  );

describe('an append', () => {
  test('whose answer was lost succeeds with the place of its events, stored once', async () => {
    await store.append('a-1', [anEvent()], 'no_stream');
    const events = [anEvent(), anEvent()];
    proxy.holdAnswers();
    const appending = store.append('a-1', events, 0n);
    await waitFor(async () => (await idsIn('a-1')).length === 3, { what: 'the append to arrive' });
    proxy.release();
    const last = (await direct.readStream('a-1')).events.at(-1);
    expect(await appending).toEqual({ revision: 2n, position: last?.position });
    expect((await idsIn('a-1')).slice(1)).toEqual(events.map((event) => event.id));
  });

  test('that never arrived is sent again and stored once', async () => {
    await store.append('a-1', [anEvent()], 'no_stream');
    const event = anEvent();
    proxy.holdRequests();
    const appending = store.append('a-1', [event], 0n);
    setTimeout(() => proxy.release(), 100);
    expect(await appending).toMatchObject({ revision: 1n });
    expect((await idsIn('a-1')).slice(1)).toEqual([event.id]);
  });

  test('whose place was taken while its answer was awaited is a conflict', async () => {
    await store.append('a-1', [anEvent()], 'no_stream');
    const other = anEvent();
    proxy.holdRequests();
    const appending = settled(store.append('a-1', [anEvent()], 0n));
    await direct.append('a-1', [other], 0n);
    proxy.release();
    expect(await appending).toSatisfy(isVersionConflict);
    expect((await idsIn('a-1')).slice(1)).toEqual([other.id]);
  });

  test('that cannot be found out about until the deadline says so, and not that it failed', async () => {
    const hasty = createEventStoreDb({ connectionString: proxy.url, deadlineMs: 600 });
    await hasty.append('a-1', [anEvent()], 'no_stream');
    const event = anEvent();
    proxy.holdAnswers();
    const error = await settled(hasty.append('a-1', [event], 0n));
    expect(error).toSatisfy(isEventStoreDbError);
    expect(error).toMatchObject({ code: 'outcome_unknown' });
    proxy.release();
    // The same append again is safe, whatever had happened.
    expect(await hasty.append('a-1', [event], 0n)).toMatchObject({ revision: 1n });
    expect((await idsIn('a-1')).slice(1)).toEqual([event.id]);
    await hasty.stop();
  });

  test('to a server that is not there waits for it until the deadline', async () => {
    proxy.refuse(true);
    const appending = store.append('a-1', [anEvent()], 'no_stream');
    setTimeout(() => proxy.refuse(false), 300);
    expect(await appending).toMatchObject({ revision: 0n });
  });

  test('that is too large is refused at once', async () => {
    const text = 'x'.repeat(600_000);
    expect(
      await settled(
        store.append(
          'a-1',
          [
            { ...anEvent(), data: { text } },
            { ...anEvent(), data: { text } },
          ],
          'no_stream',
        ),
      ),
    ).toMatchObject({
      code: 'append_too_large',
    });
    expect(await store.append('a-1', [{ ...anEvent(), data: { text } }], 'no_stream')).toMatchObject({ revision: 0n });
  });

  test('to a stream that was deleted for good is refused at once, and so is a read of it', async () => {
    await store.append('a-1', [anEvent()], 'no_stream');
    const client = EventStoreDBClient.connectionString(server.url);
    await client.tombstoneStream('a-1');
    await client.dispose();
    expect(await settled(store.append('a-1', [anEvent()], 0n))).toMatchObject({ code: 'stream_deleted' });
    expect(await settled(store.readStream('a-1'))).toMatchObject({ code: 'stream_deleted' });
  });

  test('under broken connections is stored once each, in order', async () => {
    const writers = Array.from({ length: 8 }, async (_, n) => {
      const stream = `writer-${n}`;
      const written: string[] = [];
      let expected: bigint | 'no_stream' = 'no_stream';
      for (let round = 0; round < 60; round += 1) {
        const event = anEvent();
        expected = (await store.append(stream, [event], expected)).revision;
        written.push(event.id);
      }
      return { stream, written };
    });
    // Not more often: gRPC waits longer and longer before it connects again to where it was cut while connecting.
    for (let n = 0; n < 6; n += 1) {
      await sleep(80);
      proxy.cut();
    }
    const done = await Promise.all(writers);
    for (const { stream, written } of done) expect(await idsIn(stream)).toEqual(written);
  });

  test('on one connection is not disturbed by the end of another', async () => {
    const appending = Array.from({ length: 200 }, (_, n) => direct.append(`quiet-${n}`, [anEvent()], 'no_stream'));
    const disturbed = Array.from({ length: 50 }, (_, n) => settled(store.append(`broken-${n}`, [anEvent()], 'no_stream')));
    proxy.cut();
    await Promise.all(appending);
    expect(await Promise.all(disturbed)).toEqual(Array.from({ length: 50 }, () => 'stored'));
    expect(await direct.append('after-1', [anEvent()], 'no_stream')).toMatchObject({ revision: 0n });
  });
});

test('a read goes on over a broken connection, and fails plainly when there is no server until the deadline', async () => {
  await store.append('a-1', [anEvent()], 'no_stream');
  proxy.holdAnswers();
  const reading = store.readStream('a-1');
  setTimeout(() => proxy.release(), 100);
  expect((await reading).events).toHaveLength(1);
  const hasty = createEventStoreDb({ connectionString: 'esdb://127.0.0.1:1?tls=false', deadlineMs: 300 });
  expect(await settled(hasty.readStream('a-1'))).toMatchObject({ code: 'unavailable' });
  await hasty.stop();
});

test('a connection string that is none is refused without being repeated', () => {
  const open = () => createEventStoreDb({ connectionString: 'esdb:/admin:secret@host' });
  expect(open).toThrow('is not like esdb://');
  expect(open).not.toThrow('secret');
});
