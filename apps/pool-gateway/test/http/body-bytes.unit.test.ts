import { Readable } from 'node:stream';
import { createHttpServer, createLogger } from '@ultracore/service';
import { expect, test } from 'vitest';
import { createCalls } from '../../src/inbound/http/calls.ts';
import { addQueryRoutes } from '../../src/inbound/http/query-routes.ts';
import type { Answer, Call, Run } from '../../src/query/call.ts';

test.each([
  ['says how long it is', true],
  ['does not', false],
])('a body is counted as it came, whether it %s', async (_what, isSaid) => {
  const server = await createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    authenticator: { authenticate: async () => ({ subject: 'ann', roles: [] }) },
    title: 'Test',
    version: '1',
  });
  const counted: number[] = [];
  const count = ({ bodyBytes }: Call<unknown>, answer: Answer): Run => {
    counted.push(bodyBytes);
    answer.completed(Buffer.from('{}'));
    return { abort: () => {}, resume: () => {} };
  };
  const stream = (): Run => {
    throw new Error('Nobody asks for a stream.');
  };
  addQueryRoutes(server, { calls: createCalls(), queries: { query: count, transaction: count, stream } });
  const body = JSON.stringify({ sql: `select '${'ä'.repeat(100)}'` });
  const said = isSaid ? { 'content-length': `${Buffer.byteLength(body)}` } : { 'transfer-encoding': 'chunked' };
  const { statusCode } = await server.inject({
    method: 'POST',
    url: '/v1/query',
    headers: { authorization: 'Bearer a', 'content-type': 'application/json', ...said },
    payload: isSaid ? body : Readable.from([Buffer.from(body.slice(0, 30)), Buffer.from(body.slice(30))]),
  });
  expect({ statusCode, counted }).toEqual({ statusCode: 200, counted: [Buffer.byteLength(body)] });
  await server.close();
});
