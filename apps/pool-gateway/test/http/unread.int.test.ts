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

async function listen(): Promise<{ port: number; calls: Calls; asked: () => number }> {
  const server = await createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    authenticator: { authenticate: async () => ({ subject: 'ann', roles: [] }) },
    title: 'Test',
    version: '1',
  });
  const calls = createCalls();
  let asked = 0;
  const answered = (): Run => {
    asked += 1;
    return { abort: () => {}, resume: () => {} };
  };
  addQueryRoutes(server, {
    calls,
    unreadMs: 50,
    queries: {
      query: (_call, answer) => (answer.completed(LARGE), answered()),
      transaction: (_call, answer) => (answer.completed(LARGE), answered()),
      stream: (_call, answer) => (answer.write(LARGE), answer.end(), answered()),
    },
  });
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  opened.push(server);
  return { port: Number(port), calls, asked: () => asked };
}

test.each(['application/json', 'application/x-ndjson'])(
  'who does not read the end of an answer (%s) is let go',
  async (accept) => {
    const { port, calls, asked } = await listen();
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
    await waitFor(() => asked() === 1 && calls.underWay === 0, { what: 'the call to be over' });
    expect(socket.bytesRead).toBeLessThan(LARGE.length);
  },
);
