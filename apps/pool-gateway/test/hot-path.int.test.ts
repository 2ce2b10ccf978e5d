import { promisify } from 'node:util';
import { waitFor } from '@ultracore/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import type { HotReply } from '../src/inbound/hot-path/hot-exchange.ts';
import { readHead } from '../src/inbound/hot-path/request-head.ts';
import { call, closeAll, connectionsOf, count, createRig, HEAD, headers, request, REQUEST_LINE } from './support/hot-rig.ts';

afterEach(closeAll);

describe('a plain request', () => {
  test('is answered by the hot path, again and again on one connection', async () => {
    const rig = await createRig();
    const { socket, received } = call(rig.port);
    for (const body of ['one', 'two', 'and another', 'two']) {
      socket.write(request(body));
      await waitFor(() => received().endsWith(`hot:${body}`), { what: `the answer to ${body}` });
    }
    expect(rig.hot).toEqual(['one', 'two', 'and another', 'two']);
    expect(received()).toContain(`${HEAD}content-length: 7\r\n\r\nhot:one`);
    expect(rig.full).toEqual([]);
  });

  test('may come in two parts cut anywhere', async () => {
    const rig = await createRig();
    const { socket, received } = call(rig.port);
    const text = request('{"sql":"select 1"}');
    for (let cut = 1; cut < text.length; cut += 1) {
      socket.write(text.slice(0, cut));
      // The server must have read the first part by itself.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      socket.write(text.slice(cut));
      await waitFor(() => count(received(), 'hot:{"sql":"select 1"}') === cut, {
        what: `the answer to the request cut at ${cut}`,
      });
    }
    expect(rig.full).toEqual([]);
  });

  test('may come with many others at once, which are answered in order', async () => {
    const pending: (() => void)[] = [];
    const rig = await createRig({
      handle: ({ body }, reply) => {
        const text = body.toString();
        pending.push(() => reply.send(HEAD, Buffer.from(`<${text}>`)));
        return true;
      },
    });
    const { socket, received } = call(rig.port);
    const bodies = Array.from({ length: 500 }, (_, index) => `${index}`.padStart(1 + (index % 300), '0'));
    socket.write(bodies.map((body) => request(body)).join(''));
    for (let answered = 0; answered < bodies.length; answered += 1) {
      await waitFor(() => pending.length === 1, { what: 'one request to be handed over' });
      pending.shift()?.();
    }
    await waitFor(() => count(received(), 'HTTP/1.1 200') === bodies.length, { what: 'all answers' });
    expect([...received().matchAll(/<(\d+)>/g)].map(([, body]) => body)).toEqual(bodies);
  });

  test('may come with many others at once, which are not answered one from within the other', async () => {
    let depth = 0;
    let deepest = 0;
    const rig = await createRig({
      handle: (_request, reply) => {
        deepest = Math.max(deepest, ++depth);
        reply.send(HEAD, Buffer.from('ok'));
        depth -= 1;
        return true;
      },
    });
    const { socket, received } = call(rig.port);
    socket.write(request('x').repeat(20));
    await waitFor(() => count(received(), 'ok') === 20, { what: 'the answers' });
    expect(deepest).toBe(1);
  });

  test('may have an answer of megabytes that its caller reads late', async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, 'x');
    let asked = 0;
    const rig = await createRig({
      handle: (_request, reply) => {
        asked += 1;
        reply.send(HEAD, body);
        return true;
      },
    });
    const { socket, received } = call(rig.port);
    socket.pause();
    socket.write(request('first') + request('second'));
    await waitFor(() => asked === 1, { what: 'the first request to be answered' });
    socket.resume();
    await waitFor(() => received().length > 2 * body.length, { what: 'both answers', deadlineMs: 30_000 });
    expect(count(received(), 'HTTP/1.1 200 OK')).toBe(2);
  });
});

describe('anything else', () => {
  test.each([
    ['another path', request('x', [], headers, 'POST /v1/transaction HTTP/1.1')],
    ['another method', `GET /v1/query HTTP/1.1\r\nhost: a\r\n\r\n`],
    ['a query string', request('x', [], headers, 'POST /v1/query?a=1 HTTP/1.1')],
    ['no token', request('x', [], ['host: a', 'content-type: application/json'])],
    ['another media type', request('x', [], ['host: a', 'authorization: Bearer a', 'content-type: text/plain'])],
    ['a wish for another answer', request('x', ['accept: application/x-ndjson'])],
    ['a header that is unknown here', request('x', ['x-something: 1'])],
    ['a wish to end the connection', request('x', ['connection: close'])],
    ['two tenants', request('x', ['x-ultracore-tenant-id: a-a', 'x-ultracore-tenant-id: b-b'])],
    ['a chunked body', [REQUEST_LINE, ...headers, 'transfer-encoding: chunked', '', '1', 'x', '0', '', ''].join('\r\n')],
    ['a long body', request('x'.repeat(300 * 1024))],
    ['a body that the hot path does not take', request('not hot')],
  ])('is answered by the full server: %s', async (_what, text) => {
    const rig = await createRig();
    const { socket, received } = call(rig.port);
    socket.write(text);
    await waitFor(() => received().includes('full:'), { what: 'the answer' });
    expect(rig.hot).toEqual([]);
    expect(rig.full).toHaveLength(1);
  });

  test('takes the connection with it, so that what follows is answered by the full server too', async () => {
    const rig = await createRig();
    const { socket, received } = call(rig.port);
    socket.write(request('one') + request('two', ['x-something: 1']) + request('three'));
    await waitFor(() => received().includes('full:three'), { what: 'all answers' });
    expect(rig.hot).toEqual(['one']);
    expect(rig.full).toEqual(['POST /v1/query two', 'POST /v1/query three']);
  });

  test.each([
    ['two lengths', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc`],
    [
      'a length and chunks',
      `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`,
    ],
    ['a length with a sign', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\ncontent-length: +3\r\n\r\nabc`],
    ['bare line feeds', `${REQUEST_LINE}\n${headers.join('\n')}\ncontent-length: 3\n\nabc`],
    ['a blank before the colon', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\ncontent-length : 3\r\n\r\nabc`],
    ['a folded header', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\nx-request-id: a\r\n b\r\ncontent-length: 3\r\n\r\nabc`],
    ['a NUL in a value', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\nx-request-id: a\0b\r\ncontent-length: 3\r\n\r\nabc`],
    ['no host', `${REQUEST_LINE}\r\nauthorization: Bearer a\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\nabc`],
    ['two hosts', `${REQUEST_LINE}\r\n${headers.join('\r\n')}\r\nhost: b\r\ncontent-length: 3\r\n\r\nabc`],
  ])('that is ambiguous is never read by the hot path: %s', async (_what, text) => {
    const rig = await createRig();
    const { socket, received } = call(rig.port);
    socket.write(text);
    await waitFor(() => received().startsWith('HTTP/1.1 '), { what: 'an answer' });
    expect(rig.hot).toEqual([]);
    expect(rig.full.filter((each) => each.includes('smuggled'))).toEqual([]);
  });

  test('with a line of blanks that ends badly is known for it at once, not after trying every way to read them', () => {
    // Squared, this many would take longer than the runner waits.
    const head = Buffer.from([REQUEST_LINE, ...headers, `x:${' '.repeat(200_000)}\x01`, '', ''].join('\r\n'), 'latin1');
    expect(readHead(head, head.length, REQUEST_LINE)).toBeUndefined();
  });

  test('with a head without end is not collected for ever', async () => {
    const rig = await createRig();
    const { socket, received, ended } = call(rig.port);
    socket.write(`${REQUEST_LINE}\r\nx-request-id: ${'a'.repeat(40_000)}`);
    await waitFor(() => received().startsWith('HTTP/1.1 431') || ended(), { what: 'the refusal' });
    expect(rig.hot).toEqual([]);
  });
});

describe('a caller that', () => {
  test.each(['end', 'destroy'] as const)('goes away (%s) before its answer is known to have gone', async (how) => {
    let asked = 0;
    let gone = 0;
    const rig = await createRig({
      handle: (_request, reply) => {
        asked += 1;
        reply.asker = { gone: () => (gone += 1) };
        return true;
      },
    });
    const { socket } = call(rig.port);
    socket.write(request('x'));
    await waitFor(() => asked === 1, { what: 'the request to be under way' });
    socket[how]();
    await waitFor(() => gone > 0, { what: 'the caller to be missed' });
    expect(gone).toBe(1);
  });

  test.each([
    ['half a head', { headTimeoutMs: 10 }, request('abc').slice(0, 40)],
    ['a head and no body', { requestTimeoutMs: 10 }, request('x'.repeat(10_000)).slice(0, -10_000)],
  ])('sends %s, and more of it now and then, is let go', async (_what, limits, begin) => {
    const rig = await createRig(limits);
    const { socket, ended } = call(rig.port);
    socket.write(begin);
    const drip = setInterval(() => socket.writable && socket.write('x'), 100);
    try {
      await waitFor(ended, { what: 'the connection to end' });
    } finally {
      clearInterval(drip);
    }
    expect(rig.hot).toEqual([]);
  });

  test('sends half a request and no more is let go', async () => {
    const rig = await createRig({ requestTimeoutMs: 10 });
    const { socket, ended } = call(rig.port);
    socket.write(request('abc').slice(0, -1));
    await waitFor(ended, { what: 'the connection to end' });
    expect(rig.hot).toEqual([]);
  });

  test('closes its side and does not read the answer is let go', async () => {
    let answers = 0;
    const rig = await createRig({
      requestTimeoutMs: 10,
      handle: (_request, reply) => {
        answers += 1;
        reply.send(HEAD, Buffer.alloc(64 * 1024 * 1024));
        return true;
      },
    });
    const { socket } = call(rig.port);
    socket.pause();
    socket.end(request('x'));
    await waitFor(() => answers > 0, { what: 'the answer to be given' });
    await waitFor(async () => (await connectionsOf(rig.server)) === 0, { what: 'the connection to end' });
    expect(answers).toBe(1);
  });

  test.each(['resume', 'destroy'] as const)(
    'has not read its answer has not been sent it, until it does or goes (%s)',
    async (how) => {
      const events: string[] = [];
      const rig = await createRig({
        handle: (_request, reply) => {
          reply.send(HEAD, Buffer.alloc(64 * 1024 * 1024), () => events.push('sent'));
          events.push('answered');
          return true;
        },
      });
      const { socket } = call(rig.port);
      socket.pause();
      socket.write(request('x'));
      await waitFor(() => events.length > 0, { what: 'the answer to be given' });
      events.push(how);
      socket[how]();
      await waitFor(() => events.length > 2, { what: 'the answer to be taken, or given up' });
      expect(events).toEqual(['answered', how, 'sent']);
    },
  );

  test('says nothing is let go', async () => {
    const rig = await createRig({ keepAliveMs: 10 });
    const { ended, received } = call(rig.port);
    await waitFor(ended, { what: 'the connection to end' });
    expect(received()).toBe('');
  });
});

describe('when the server closes', () => {
  test('a connection that is new belongs to the full server, which ends it', async () => {
    const rig = await createRig();
    rig.hotPath.close();
    const { socket, received, ended } = call(rig.port);
    socket.write(request('x'));
    await waitFor(() => received().endsWith('full:x'), { what: 'the answer' });
    const closed = promisify(rig.server.close.bind(rig.server))();
    await waitFor(ended, { what: 'the connection to end' });
    socket.destroy();
    await closed;
    expect(rig.hot).toEqual([]);
  });

  test('what is under way is answered, and every connection ends', async () => {
    const waiting: HotReply[] = [];
    const rig = await createRig({ handle: (_request, reply) => waiting.push(reply) > 0 });
    const busy = call(rig.port);
    const idle = call(rig.port);
    busy.socket.write(request('x'));
    await waitFor(() => waiting.length === 1, { what: 'the request to be under way' });
    const closed = new Promise<void>((resolve) => {
      rig.server.close(() => resolve());
    });
    rig.hotPath.close();
    await waitFor(idle.ended, { what: 'the idle connection to end' });
    waiting[0]?.send(HEAD, Buffer.from('late'));
    await waitFor(busy.ended, { what: 'the busy connection to end' });
    expect(busy.received()).toBe(`${HEAD}content-length: 4\r\nconnection: close\r\n\r\nlate`);
    busy.socket.destroy();
    idle.socket.destroy();
    await closed;
  });
});
