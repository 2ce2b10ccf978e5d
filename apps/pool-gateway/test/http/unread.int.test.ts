import { connect, type Socket } from 'node:net';
import { createHttpServer, createLogger } from '@ultracore/service';
import { waitFor } from '@ultracore/testkit';
import { afterEach, expect, test } from 'vitest';
import { createCalls, type Calls } from '../../src/inbound/http/calls.ts';
import { addQueryRoutes } from '../../src/inbound/http/query-routes.ts';
import type { Run } from '../../src/query/call.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

/** More than the buffers of a connection hold. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x');

interface Listening {
  readonly port: number;
  readonly calls: Calls;
  readonly asked: () => number;
  /** How often a stream was told that its caller has taken what there was. */
  readonly resumed: () => number;
}

async function listen({ isEndless = false } = {}): Promise<Listening> {
  const server = await createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    authenticator: { authenticate: async () => ({ subject: 'ann', roles: [] }) },
    title: 'Test',
    version: '1',
  });
  const calls = createCalls();
  let [asked, resumed] = [0, 0];
  const answered = (): Run => {
    asked += 1;
    return { abort: () => {}, resume: () => void resumed++ };
  };
  addQueryRoutes(server, {
    calls,
    unreadMs: 50,
    queries: {
      query: (_call, answer) => (answer.completed(LARGE), answered()),
      transaction: (_call, answer) => (answer.completed(LARGE), answered()),
      stream: (_call, answer) => (answer.write(LARGE), isEndless || answer.end(), answered()),
    },
  });
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  opened.push(server);
  return { port: Number(port), calls, asked: () => asked, resumed: () => resumed };
}

function ask(port: number, accept: string): Socket {
  const socket: Socket = connect(port, '127.0.0.1').pause();
  opened.push({ close: () => socket.destroy() });
  socket.on('error', () => {});
  const body = '{"sql":"select 1"}';
  const head = [
    'POST /v1/query HTTP/1.1',
    'host: a',
    'authorization: Bearer a',
    'content-type: application/json',
    `accept: ${accept}`,
  ];
  socket.write([...head, `content-length: ${body.length}`, '', body].join('\r\n'));
  return socket;
}

test.each(['application/json', 'application/x-ndjson'])(
  'who does not read the end of an answer (%s) is let go',
  async (accept) => {
    const { port, calls, asked } = await listen();
    const socket = ask(port, accept);
    await waitFor(() => asked() === 1 && calls.underWay === 0, { what: 'the call to be over' });
    expect(socket.bytesRead).toBeLessThan(LARGE.length);
  },
);

test('a stream is not told that its caller has taken what still waits in the response', async () => {
  const { port, resumed } = await listen({ isEndless: true });
  const socket = ask(port, 'application/x-ndjson');
  // What has come here has left the body of the response.
  socket.once('data', () => socket.pause());
  socket.resume();
  await waitFor(() => socket.bytesRead > 0, { what: 'the first of it' });
  expect(resumed()).toBe(0);
  socket.resume();
  await waitFor(() => resumed() === 1, { what: 'all of it to be taken' });
  expect(socket.bytesRead).toBeGreaterThan(LARGE.length / 2);
});
