import { StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError } from '@eventstore/db-client';
import { describe, expect, test } from 'vitest';
import { all, anEvent, aStream, failureOf, ids, some } from '../events.ts';
import { eventStores, useClient } from '../event-stores.ts';

describe.each(eventStores(process.env['EVENTSTOREDB_URL']))('deleting and metadata in $name', (store) => {
  const opened = useClient(store);
  const read = (...parameters: Parameters<typeof opened.client.readStream>) => all(opened.client.readStream(...parameters));
  const aStreamOf = async (count: number) => {
    const stream = aStream();
    const events = some(count);
    await opened.client.appendToStream(stream, events, { expectedRevision: 'no_stream' });
    return { stream, events };
  };

  describe('a deleted stream', () => {
    test('is not found any more, and stays in $all', async () => {
      const { stream, events } = await aStreamOf(3);
      const { position } = await opened.client.deleteStream(stream, { expectedRevision: 2n });
      expect(position?.commit).toBeGreaterThan(0n);
      expect(await failureOf(read(stream))).toBeInstanceOf(StreamNotFoundError);
      expect(await failureOf(read(stream, { direction: 'backwards', fromRevision: 'end' }))).toBeInstanceOf(StreamNotFoundError);
      const log = await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 50 }));
      expect(ids(log)).toEqual(expect.arrayContaining(ids(events)));
    });

    test.each(['any', 'no_stream', 2n] as const)(
      'is written again with %s expected, its revisions going on',
      async (expectedRevision) => {
        const { stream } = await aStreamOf(3);
        await opened.client.deleteStream(stream);
        const again = some(2);
        const answer = await opened.client.appendToStream(stream, again, { expectedRevision });
        expect(answer.nextExpectedRevision).toBe(4n);
        const events = await read(stream);
        expect(ids(events)).toEqual(ids(again));
        expect(events.map((event) => event.revision)).toEqual([3n, 4n]);
        expect(ids(await read(stream, { direction: 'backwards', fromRevision: 'end' }))).toEqual(ids(again).toReversed());
      },
    );

    test('does not exist for those who expect that it does', async () => {
      const { stream } = await aStreamOf(1);
      await opened.client.deleteStream(stream);
      const error = await failureOf(opened.client.appendToStream(stream, anEvent(), { expectedRevision: 'stream_exists' }));
      expect(error).toBeInstanceOf(StreamDeletedError);
      expect(error).toMatchObject({ streamName: stream });
    });

    test('keeps the metadata it is given afterwards', async () => {
      const { stream } = await aStreamOf(3);
      await opened.client.deleteStream(stream);
      await opened.client.setStreamMetadata(stream, { maxCount: 2 });
      const events = some(3);
      await opened.client.appendToStream(stream, events);
      expect(ids(await read(stream))).toEqual(ids(events.slice(1)));
    });

    test('was not deleted at another revision than the expected one', async () => {
      const { stream } = await aStreamOf(3);
      const error = await failureOf(opened.client.deleteStream(stream, { expectedRevision: 1n }));
      expect(error).toBeInstanceOf(WrongExpectedVersionError);
      expect(error).toMatchObject({ streamName: stream, expectedVersion: 1n, actualVersion: 2n });
      expect(await read(stream)).toHaveLength(3);
    });
  });

  describe('a tombstoned stream', () => {
    test('can neither be read nor written again, nor its metadata', async () => {
      const { stream } = await aStreamOf(3);
      const { position } = await opened.client.tombstoneStream(stream, { expectedRevision: 2n });
      expect(position?.commit).toBeGreaterThan(0n);
      const { client } = opened;
      for (const refused of [
        () => read(stream),
        () => read(stream, { direction: 'backwards', fromRevision: 'end' }),
        () => client.appendToStream(stream, anEvent()),
        () => client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' }),
        () => client.deleteStream(stream),
        () => client.tombstoneStream(stream),
        () => client.setStreamMetadata(stream, { maxCount: 2 }),
      ]) {
        expect(await failureOf(refused())).toBeInstanceOf(StreamDeletedError);
      }
    });

    test('need not have existed', async () => {
      const stream = aStream();
      await opened.client.tombstoneStream(stream, { expectedRevision: 'no_stream' });
      expect(await failureOf(opened.client.appendToStream(stream, anEvent()))).toMatchObject({ streamName: stream });
    });

    test('leaves a mark in $all', async () => {
      const { stream } = await aStreamOf(1);
      const { position } = await opened.client.tombstoneStream(stream);
      const log = await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 50 }));
      const mark = log.find((event) => event.streamId === stream && event.type === '$streamDeleted');
      expect(mark?.position).toEqual(position);
      expect(mark?.revision).toBe(2n ** 63n - 1n);
    });

    test('was not tombstoned at another revision than the expected one', async () => {
      const { stream } = await aStreamOf(2);
      expect(await failureOf(opened.client.tombstoneStream(stream, { expectedRevision: 5n }))).toBeInstanceOf(
        WrongExpectedVersionError,
      );
      expect(await read(stream)).toHaveLength(2);
    });
  });

  describe('stream metadata', () => {
    test('is given back as it was set; there is none at first', async () => {
      const { stream } = await aStreamOf(1);
      expect(await opened.client.getStreamMetadata(stream)).toEqual({ streamName: stream });
      const metadata = { maxCount: 7, truncateBefore: 0, maxAge: 3600, owner: 'contract' };
      await opened.client.setStreamMetadata(stream, metadata);
      expect(await opened.client.getStreamMetadata(stream)).toMatchObject({ streamName: stream, metadata });
      await opened.client.setStreamMetadata(stream, { owner: 'another' });
      expect((await opened.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'another' });
    });

    test('can be set before the stream exists, which then exists for those who expect it', async () => {
      const stream = aStream();
      await opened.client.setStreamMetadata(stream, { maxCount: 2 }, { expectedRevision: 'no_stream' });
      expect(await failureOf(read(stream))).toBeInstanceOf(StreamNotFoundError);
      const events = some(3);
      await opened.client.appendToStream(stream, events, { expectedRevision: 'stream_exists' });
      expect(ids(await read(stream))).toEqual(ids(events.slice(1)));
    });

    test('$maxCount shows the newest only, and as many when more are written', async () => {
      const { stream, events } = await aStreamOf(5);
      await opened.client.setStreamMetadata(stream, { maxCount: 3 });
      expect(ids(await read(stream))).toEqual(ids(events.slice(2)));
      const more = some(2);
      await opened.client.appendToStream(stream, more, { expectedRevision: 4n });
      expect(ids(await read(stream))).toEqual(ids([...events, ...more].slice(4)));
      expect(ids(await read(stream, { fromRevision: 5n }))).toEqual(ids(more));
      expect(ids(await read(stream, { direction: 'backwards', fromRevision: 'end' }))).toEqual(
        ids([...events, ...more].slice(4)).toReversed(),
      );
    });

    test('$truncateBefore hides what is before it, also from reads that start there', async () => {
      const { stream, events } = await aStreamOf(5);
      await opened.client.setStreamMetadata(stream, { truncateBefore: 3 });
      expect(ids(await read(stream))).toEqual(ids(events.slice(3)));
      expect(ids(await read(stream, { fromRevision: 1n, maxCount: 1 }))).toEqual([events[3]?.id]);
      expect(ids(await read(stream, { direction: 'backwards', fromRevision: 3n }))).toEqual([events[3]?.id]);
      expect(await read(stream, { direction: 'backwards', fromRevision: 2n })).toEqual([]);
    });

    test('$truncateBefore past the end leaves an empty stream, not a missing one', async () => {
      const { stream } = await aStreamOf(2);
      await opened.client.setStreamMetadata(stream, { truncateBefore: 10 });
      expect(await read(stream)).toEqual([]);
    });

    test('$maxAge hides what is older', async () => {
      const { stream } = await aStreamOf(2);
      await opened.client.setStreamMetadata(stream, { maxAge: 3_600 });
      expect(await read(stream)).toHaveLength(2);
      await opened.client.setStreamMetadata(stream, { maxAge: 1 });
      const deadline = Date.now() + 10_000;
      while ((await read(stream)).length > 0) if (Date.now() > deadline) throw new Error('the events did not expire within 10 s');
      const fresh = anEvent();
      await opened.client.appendToStream(stream, fresh);
      expect(ids(await read(stream))).toEqual([fresh.id]);
    });

    test('truncated events still stand in the way of another append at their revision', async () => {
      const { stream, events } = await aStreamOf(3);
      await opened.client.setStreamMetadata(stream, { truncateBefore: 3 });
      const error = await failureOf(opened.client.appendToStream(stream, anEvent(), { expectedRevision: 'no_stream' }));
      expect(error).toBeInstanceOf(WrongExpectedVersionError);
      expect((await opened.client.appendToStream(stream, events, { expectedRevision: 'no_stream' })).nextExpectedRevision).toBe(
        2n,
      );
    });
  });
});
