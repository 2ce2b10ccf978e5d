import { randomUUID } from 'node:crypto';
import {
  binaryEvent,
  DeadlineExceededError,
  EventStoreDBClient,
  jsonEvent,
  MaxAppendSizeExceededError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { all, anEvent, aStream, failureOf, ids, some } from '../events.ts';
import { eventStores, useClient } from '../event-stores.ts';

describe.each(eventStores(process.env['EVENTSTOREDB_URL']))('appending to $name', (store) => {
  const opened = useClient(store);
  const read = (stream: string) => all(opened.client.readStream(stream));

  test('gives back what was appended, with revisions from 0 and growing positions', async () => {
    const stream = aStream();
    const before = Date.now();
    const json = jsonEvent({
      id: randomUUID(),
      type: 'Größe.v1 🦊',
      data: { text: 'grün \u0001 "quoted" \u2028', nested: [1.5, null, { deep: true }] },
      metadata: { actor: 'Zoë' },
    });
    const binary = binaryEvent({
      id: randomUUID(),
      type: 'Bytes',
      data: Buffer.from([0, 255, 10, 13]),
      metadata: Buffer.from([1, 2]),
    });
    const empty = binaryEvent({ id: randomUUID(), type: 'Empty', data: Buffer.alloc(0) });
    const answer = await opened.client.appendToStream(stream, [json, binary, empty], { expectedRevision: 'no_stream' });
    expect(answer).toMatchObject({ success: true, nextExpectedRevision: 2n });

    const [first, second, third] = await read(stream);
    expect(first).toMatchObject({ streamId: stream, isJson: true, revision: 0n, ...pick(json) });
    expect(second).toMatchObject({ isJson: false, revision: 1n, id: binary.id, type: 'Bytes' });
    expect(Buffer.from(second?.data as Uint8Array)).toEqual(Buffer.from([0, 255, 10, 13]));
    expect(Buffer.from(second?.metadata as Uint8Array)).toEqual(Buffer.from([1, 2]));
    expect(third).toMatchObject({ revision: 2n, metadata: undefined });
    expect(Buffer.from(third?.data as Uint8Array)).toHaveLength(0);
    const positions = [first, second, third].map((event) => event?.position?.commit ?? -1n);
    expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(positions).size).toBe(3);
    expect(answer.position?.commit).toBe(positions[2]);
    expect(first?.created.getTime()).toBeGreaterThanOrEqual(before - 1_000);
    expect(first?.created.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  test.each([
    ['no_stream', 'a stream that is not there'],
    ['any', 'a stream that is not there'],
    ['any', 'a stream that is'],
    ['stream_exists', 'a stream that is'],
  ] as const)('with %s expected succeeds on %s', async (expectedRevision, state) => {
    const stream = aStream();
    if (state === 'a stream that is') await opened.client.appendToStream(stream, anEvent());
    const { success } = await opened.client.appendToStream(stream, anEvent(), { expectedRevision });
    expect(success).toBe(true);
  });

  test('with the last revision expected succeeds once after the other', async () => {
    const stream = aStream();
    await opened.client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' });
    for (let revision = 0n; revision < 5n; revision += 1n) {
      const answer = await opened.client.appendToStream(stream, anEvent(), { expectedRevision: revision });
      expect(answer.nextExpectedRevision).toBe(revision + 1n);
    }
  });

  test.each([
    ['no_stream', 2n],
    [0n, 2n],
    [7n, 2n],
  ] as const)('with %s expected on a stream of three fails, says both, and stores nothing', async (expectedRevision, actual) => {
    const stream = aStream();
    await opened.client.appendToStream(stream, some(3));
    const error = await failureOf(opened.client.appendToStream(stream, some(2), { expectedRevision }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: stream, expectedVersion: expectedRevision, actualVersion: actual });
    expect(await read(stream)).toHaveLength(3);
  });

  test.each(['stream_exists', 0n] as const)('with %s expected on a stream that is not there fails', async (expectedRevision) => {
    const error = await failureOf(opened.client.appendToStream(aStream(), anEvent(), { expectedRevision }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ expectedVersion: expectedRevision, actualVersion: 'no_stream' });
  });

  test('a failure can be an answer instead of an error', async () => {
    const client = EventStoreDBClient.connectionString(
      `${opened.url}${opened.url.includes('?') ? '&' : '?'}throwOnAppendFailure=false`,
    );
    const stream = aStream();
    await client.appendToStream(stream, some(2));
    expect(await client.appendToStream(stream, some(1), { expectedRevision: 'no_stream' })).toMatchObject({ success: false });
    await client.dispose();
  });

  test.each([
    ['no_stream', 0],
    [0n, 1],
    ['any', 1],
    ['stream_exists', 1],
  ] as const)('repeated with the same ids and %s expected is the same append', async (expectedRevision, already) => {
    const stream = aStream();
    if (already > 0) await opened.client.appendToStream(stream, some(already), { expectedRevision: 'no_stream' });
    const events = some(3);
    const first = await opened.client.appendToStream(stream, events, { expectedRevision });
    await opened.client.appendToStream(stream, some(2));
    const again = await opened.client.appendToStream(stream, events, { expectedRevision });
    expect(again).toMatchObject({ success: true, nextExpectedRevision: first.nextExpectedRevision });
    expect(await read(stream)).toHaveLength(already + 5);
  });

  test.each(['no_stream', 'any'] as const)(
    'that repeats only some of another with %s expected fails',
    async (expectedRevision) => {
      const stream = aStream();
      const events = some(2);
      await opened.client.appendToStream(stream, events, { expectedRevision });
      const error = await failureOf(opened.client.appendToStream(stream, [...events, anEvent()], { expectedRevision }));
      expect(error).toBeInstanceOf(WrongExpectedVersionError);
      expect(await read(stream)).toHaveLength(2);
    },
  );

  test('with the ids of events in another stream is an append of its own', async () => {
    const events = some(2);
    await opened.client.appendToStream(aStream(), events);
    const stream = aStream();
    await opened.client.appendToStream(stream, events);
    expect(ids(await read(stream))).toEqual(ids(events));
  });

  test('sent in many parts is one append', async () => {
    const stream = aStream();
    const events = Array.from({ length: 20 }, (_, n) =>
      jsonEvent({ id: randomUUID(), type: 'Large', data: { n, text: 'x'.repeat(20_000) } }),
    );
    await opened.client.appendToStream(stream, events, { expectedRevision: 'no_stream', batchAppendSize: 50_000 });
    expect(ids(await read(stream))).toEqual(ids(events));
  });

  test('larger than 1 MiB is refused with the limit, whole', async () => {
    const stream = aStream();
    const events = Array.from({ length: 3 }, () => jsonEvent({ type: 'Large', data: { text: 'x'.repeat(500_000) } }));
    const error = await failureOf(opened.client.appendToStream(stream, events));
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError);
    expect(error).toMatchObject({ maxAppendSize: 1024 * 1024 });
    await opened.client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' });
  });

  test('whose deadline is over is not stored', async () => {
    const stream = aStream();
    const error = await failureOf(opened.client.appendToStream(stream, anEvent(), { deadline: -1 }));
    expect(error).toBeInstanceOf(DeadlineExceededError);
    await opened.client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' });
  });

  test('of thirty writers at one revision exactly one succeeds, and their neighbours are not disturbed', async () => {
    const stream = aStream();
    const neighbours = Array.from({ length: 30 }, aStream);
    await opened.client.appendToStream(stream, anEvent());
    const contended = neighbours.map((neighbour) =>
      Promise.allSettled([
        opened.client.appendToStream(stream, some(2), { expectedRevision: 0n }),
        opened.client.appendToStream(neighbour, anEvent(), { expectedRevision: 'no_stream' }),
      ]),
    );
    const outcomes = await Promise.all(contended);
    expect(outcomes.filter(([own]) => own.status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.filter(([, neighbour]) => neighbour.status === 'fulfilled')).toHaveLength(30);
    expect((await read(stream)).map((event) => event.revision)).toEqual([0n, 1n, 2n]);
  });

  test('by writers that retry on conflict loses and doubles nothing', async () => {
    const streams = Array.from({ length: 4 }, aStream);
    const written = new Map<string, string[]>(streams.map((stream) => [stream, []]));
    const writer = async (n: number) => {
      const stream = streams[n % streams.length] ?? '';
      let expected: bigint | 'no_stream' = 'no_stream';
      for (let round = 0; round < 10;) {
        const event = anEvent(round);
        try {
          expected = (await opened.client.appendToStream(stream, event, { expectedRevision: expected })).nextExpectedRevision;
          written.get(stream)?.push(event.id);
          round += 1;
        } catch (error) {
          if (!(error instanceof WrongExpectedVersionError) || error.actualVersion === 'no_stream') throw error;
          expected = error.actualVersion;
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => writer(n)));
    for (const stream of streams) {
      const events = await read(stream);
      expect(events.map((event) => event.revision)).toEqual(Array.from({ length: 40 }, (_, n) => BigInt(n)));
      expect(new Set(ids(events))).toEqual(new Set(written.get(stream)));
    }
  });
});

function pick({ id, type, data, metadata }: ReturnType<typeof jsonEvent>) {
  return { id, type, data, metadata };
}
