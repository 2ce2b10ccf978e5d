import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { ProblemError } from '@ultracore/service';
import { afterEach, expect, test } from 'vitest';
import type { Asked } from '../../src/access/authorize.ts';
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

const askedBy = (subject: string): Asked => ({ principal: { subject, roles: [] }, tenantHeader: 'acme' });
const finished: Run = { abort: () => {}, resume: () => {} };

test('a drain ends also while a caller does not read its answer', async () => {
  const calls = createCalls();
  const raw = await unreadResponse();
  calls.follow({ raw }, askedBy('ann'), finished);
  raw.end(Buffer.alloc(64 * 1024 * 1024));
  await calls.drain(1);
  expect(calls.underWay).toBe(0);
  expect(raw.writableFinished).toBe(false);
});

test('calls are ended by who asks, and no others', async () => {
  const calls = createCalls();
  const ended: string[] = [];
  const run = (name: string): Run => ({ abort: ({ code }) => void ended.push(`${name} ${code}`), resume: () => {} });
  const problem = new ProblemError({ status: 403, code: 'access_revoked', detail: 'no more' });
  calls.follow({ raw: await unreadResponse() }, askedBy('ann'), run('full server'));
  calls.add(run('hot path'), { asked: askedBy('ann'), drop: () => {} });
  calls.add(run('another'), { asked: askedBy('bob'), drop: () => {} });
  calls.endWhere(({ principal }) => (principal.subject === 'ann' ? problem : undefined));
  expect(ended).toEqual(['full server access_revoked', 'hot path access_revoked']);
});
