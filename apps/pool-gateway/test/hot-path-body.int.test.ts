import { once } from 'node:events';
import type { Socket } from 'node:net';
import { waitFor } from '@ultracore/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import type { Refusal } from '../src/inbound/hot-path/hot-exchange.ts';
import { call, closeAll, connectionsOf, createRig, HEAD, request } from './support/hot-rig.ts';

afterEach(closeAll);

describe('a body that is still to come', () => {
  const refusal: Refusal = (reply) => reply.send('HTTP/1.1 401 Unauthorized\r\n', Buffer.from('who are you?'));
  const LONG = 8 * 1024 * 1024;

  test('is not read before it is known who sends it, and no more of it is held than came with its head', async () => {
    const asked = Promise.withResolvers<Refusal | undefined>();
    let checks = 0;
    const rig = await createRig({
      maxBodyBytes: LONG,
      check: () => {
        checks += 1;
        return asked.promise;
      },
    });
    const accepted = once(rig.server, 'connection') as Promise<[Socket]>;
    const { socket, received } = call(rig.port);
    const [there] = await accepted;
    socket.write(request('x'.repeat(LONG)));
    await waitFor(() => checks === 1, { what: 'the question' });
    // All that the caller's side takes without the server's reading.
    let taken = -1;
    await waitFor(() => taken === (taken = socket.bytesWritten - socket.writableLength), { what: 'the caller to be held up' });
    expect(there.bytesRead).toBeLessThan(256 * 1024);
    asked.resolve(undefined);
    await waitFor(() => received().endsWith('x'), { what: 'the answer', deadlineMs: 30_000 });
    expect({ checks, hot: rig.hot.map(({ length }) => length) }).toEqual({ checks: 1, hot: [LONG] });
  });

  test('of a caller that may not send it is not read: the caller is told, and the connection ends', async () => {
    const rig = await createRig({ maxBodyBytes: LONG, check: () => Promise.resolve(refusal) });
    const accepted = once(rig.server, 'connection') as Promise<[Socket]>;
    const { socket, received, ended } = call(rig.port);
    const [there] = await accepted;
    socket.write(request('x'.repeat(LONG)));
    await waitFor(ended, { what: 'the connection to end' });
    expect(received()).toBe('HTTP/1.1 401 Unauthorized\r\ncontent-length: 12\r\nconnection: close\r\n\r\nwho are you?');
    expect(there.bytesRead).toBeLessThan(256 * 1024);
    await waitFor(async () => (await connectionsOf(rig.server)) === 0, { what: 'the connection to be gone' });
    expect([...rig.hot, ...rig.full]).toEqual([]);
  });

  test('is asked about again for each request that comes in parts, and never for one that comes whole', async () => {
    let checks = 0;
    const check = (): true => {
      checks += 1;
      return true;
    };
    const rig = await createRig({ check });
    const { socket, received } = call(rig.port);
    for (const [body, asked] of [
      ['whole', 0],
      ['part', 1],
      ['whole again', 1],
      ['part again', 2],
    ] as const) {
      const text = request(body);
      const cut = body.startsWith('part') ? text.length - 2 : text.length;
      socket.write(text.slice(0, cut));
      await waitFor(() => checks === asked, { what: `the question about ${body}` });
      socket.write(text.slice(cut));
      await waitFor(() => received().endsWith(`hot:${body}`), { what: `the answer to ${body}` });
      expect(checks).toBe(asked);
    }
  });

  test('is given up with a connection that ends while it is being asked about: nobody is refused any more', async () => {
    const asked = Promise.withResolvers<Refusal | undefined>();
    let [checks, refused] = [0, 0];
    const rig = await createRig({ requestTimeoutMs: 10, check: () => ((checks += 1), asked.promise) });
    const { socket, ended } = call(rig.port);
    socket.write(request('abc').slice(0, -1));
    await waitFor(() => checks === 1, { what: 'the question' });
    await waitFor(ended, { what: 'the connection to end' });
    await waitFor(async () => (await connectionsOf(rig.server)) === 0, { what: 'the connection to be gone' });
    asked.resolve(() => (refused += 1));
    await asked.promise;
    await new Promise(setImmediate);
    expect({ hot: rig.hot, refused }).toEqual({ hot: [], refused: 0 });
  });

  test('is read on when the answer before it, which its caller took late, has left', async () => {
    const answer = Buffer.alloc(20 * 1024 * 1024, 'x');
    const got: number[] = [];
    const rig = await createRig({
      handle: ({ body }, reply) => {
        got.push(body.length);
        reply.send(HEAD, got.length === 1 ? answer : Buffer.from('the last'));
        return true;
      },
    });
    const accepted = once(rig.server, 'connection') as Promise<[Socket]>;
    const { socket, received } = call(rig.port);
    const [there] = await accepted;
    socket.pause();
    socket.write(request('first'));
    await waitFor(() => got.length === 1, { what: 'the first request to be answered' });
    // More than is read ahead, and not all of the body.
    const second = request('y'.repeat(250 * 1024));
    socket.write(second.slice(0, 200 * 1024));
    await waitFor(() => there.isPaused(), { what: 'the caller to be held up' });
    socket.write(second.slice(200 * 1024));
    socket.resume();
    await waitFor(() => received().endsWith('the last'), { what: 'the second answer', deadlineMs: 30_000 });
    expect(got).toEqual([5, 250 * 1024]);
  });
});
