import { binaryEvent, jsonEvent, StreamNotFoundError } from '@eventstore/db-client';
import { beforeAll, describe, expect, test } from 'vitest';
import { all, anEvent, aPrefix, aStream, failureOf, ids, some } from '../events.ts';
import { eventStores, useClient } from '../event-stores.ts';

describe.each(eventStores(process.env['EVENTSTOREDB_URL']))('reading from $name', (store) => {
  const opened = useClient(store);
  const read = (...parameters: Parameters<typeof opened.client.readStream>) => all(opened.client.readStream(...parameters));

  describe('a stream', () => {
    const stream = aStream();
    const written = ids(some(0));
    beforeAll(async () => {
      const events = some(10);
      written.push(...ids(events));
      await opened.client.appendToStream(stream, events);
    });

    test.each([
      ['forwards', 'start', undefined, [0, 10]],
      ['forwards', 3n, undefined, [3, 10]],
      ['forwards', 3n, 4, [3, 7]],
      ['forwards', 9n, 5, [9, 10]],
      ['forwards', 10n, undefined, [10, 10]],
      ['forwards', 999n, undefined, [10, 10]],
    ] as const)('%s from %s, at most %s', async (direction, fromRevision, maxCount, [from, to]) => {
      const events = await read(stream, { direction, fromRevision, ...(maxCount === undefined ? {} : { maxCount }) });
      expect(ids(events)).toEqual(written.slice(from, to));
    });

    test.each([
      ['end', undefined, [0, 10]],
      ['end', 1, [9, 10]],
      [4n, undefined, [0, 5]],
      [4n, 2, [3, 5]],
      [0n, undefined, [0, 1]],
      [999n, 3, [7, 10]],
    ] as const)('backwards from %s, at most %s', async (fromRevision, maxCount, [from, to]) => {
      const options = { direction: 'backwards', fromRevision, ...(maxCount === undefined ? {} : { maxCount }) } as const;
      expect(ids(await read(stream, options))).toEqual(written.slice(from, to).toReversed());
    });

    test('that does not exist fails with its name', async () => {
      const missing = aStream();
      for (const direction of ['forwards', 'backwards'] as const) {
        const error = await failureOf(read(missing, { direction }));
        expect(error).toBeInstanceOf(StreamNotFoundError);
        expect(error).toMatchObject({ streamName: missing });
      }
    });

    test('that is long is read whole, in both directions', async () => {
      const long = aStream();
      const expected: string[] = [];
      for (let n = 0; n < 3; n += 1) {
        const events = some(700);
        expected.push(...ids(events));
        await opened.client.appendToStream(long, events);
      }
      expect(ids(await read(long))).toEqual(expected);
      expect(ids(await read(long, { direction: 'backwards', fromRevision: 'end' }))).toEqual(expected.toReversed());
    });

    test('of large events is read whole', async () => {
      const large = aStream();
      const events = Array.from({ length: 40 }, (_, n) => jsonEvent({ type: 'Large', data: { n, text: 'x'.repeat(200_000) } }));
      for (const event of events) await opened.client.appendToStream(large, event);
      expect(ids(await read(large))).toEqual(ids(events));
    });

    test('can be given up half-way', async () => {
      for await (const { event } of opened.client.readStream(stream)) if (event?.revision === 2n) break;
      expect(await read(stream, { maxCount: 1 })).toHaveLength(1);
    });

    test('with a name of any characters', async () => {
      const odd = `${aStream()} /ü🦊%'"@`;
      await opened.client.appendToStream(odd, anEvent());
      expect(await read(odd)).toMatchObject([{ streamId: odd }]);
      expect(await failureOf(read(`${odd}!`))).toMatchObject({ streamName: `${odd}!` });
    });
  });

  describe('$all', () => {
    test('is in the order of the appends, from any position of it in both directions', async () => {
      const prefix = aPrefix();
      const expected: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const events = some(2);
        expected.push(...ids(events));
        await opened.client.appendToStream(`${prefix}${n % 3}`, events);
      }
      const own = (events: { streamId: string }[]) => events.filter((event) => event.streamId.startsWith(prefix));
      const backwards = own(await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 200 })));
      expect(backwards.map((event) => 'id' in event && event.id)).toEqual(expected.toReversed());

      const events = (await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 200 })))
        .filter((event) => event.streamId.startsWith(prefix))
        .toReversed();
      const [middle] = events.slice(5);
      const fromPosition = middle?.position ?? { commit: 0n, prepare: 0n };
      // Forwards the position is included, backwards it is not.
      const after = await all(opened.client.readAll({ fromPosition, maxCount: 7 }));
      expect(ids(after)).toEqual(expected.slice(5));
      const before = await all(opened.client.readAll({ direction: 'backwards', fromPosition, maxCount: 5 }));
      expect(ids(before)).toEqual(expected.slice(0, 5).toReversed());
    });

    test('forwards from its end and backwards from its start is empty', async () => {
      await opened.client.appendToStream(aStream(), anEvent());
      expect(await all(opened.client.readAll({ fromPosition: 'end' }))).toEqual([]);
      expect(await all(opened.client.readAll({ direction: 'backwards', fromPosition: 'start' }))).toEqual([]);
    });
  });

  test('resolves links when asked to', async () => {
    const [target, links] = [aStream(), aStream()];
    const events = some(2);
    await opened.client.appendToStream(target, events);
    await opened.client.appendToStream(links, binaryEvent({ type: '$>', data: Buffer.from(`1@${target}`) }));
    const [plain] = await read(links);
    expect(plain).toMatchObject({ type: '$>', streamId: links });
    const resolved = [];
    for await (const one of opened.client.readStream(links, { resolveLinkTos: true })) resolved.push(one);
    expect(resolved).toMatchObject([
      { event: { id: events[1]?.id, streamId: target, revision: 1n }, link: { streamId: links, type: '$>' } },
    ]);
    expect(ids(await read(target, { resolveLinkTos: true }))).toEqual(ids(events));
  });
});
