import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Run } from '../../src/query/call.ts';
import { createCalls } from '../../src/inbound/http/calls.ts';

const opened: { close(): void }[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

/** A caller that asks once, reads nothing, and its response. */
async function unreadResponse(): Promise<ServerResponse> {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const server = createServer((_request, response) => resolve(response));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const socket: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  opened.push(server, { close: () => socket.destroy() });
  socket.write('GET / HTTP/1.1\r\nhost: gateway.example\r\n\r\n');
  return promise;
}

const finished: Run = { abort: () => {}, resume: () => {} };

test('a drain ends also while a caller does not read its answer', async () => {
  const calls = createCalls();
  const raw = await unreadResponse();
  calls.follow({ raw }, finished);
  raw.end(Buffer.alloc(64 * 1024 * 1024));
  await calls.drain(1);
  expect(calls.underWay).toBe(0);
  expect(raw.writableFinished).toBe(false);
});
