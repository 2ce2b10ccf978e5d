import { once } from 'node:events';
import { connect } from 'node:net';
import { assert, array, asyncProperty, constantFrom, integer, record, sample } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pool } from 'undici';
import { TENANT_HEADER } from '../src/index.ts';
import { startIsolationServer, type IsolationServer } from './isolation-server.ts';
import { programs, TENANTS } from './programs.ts';

let server: IsolationServer;
/** Few connections that many requests of all tenants go over, one behind the other before the first is answered. */
let pool: Pool;

beforeAll(async () => {
  server = await startIsolationServer();
  pool = new Pool(server.url, { connections: 3, pipelining: 8 });
});
afterAll(async () => {
  await pool.close();
  await server[Symbol.asyncDispose]();
  // After everything else: hooks and listeners that come late are counted too.
  expect(server.wrong).toEqual([]);
});

interface Call {
  readonly tenantId: string;
  readonly path: string;
  readonly body?: string;
}

const ask = async ({ tenantId, path, body }: Call): Promise<{ status: number; text: string }> => {
  const { statusCode, body: answer } = await pool.request({
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { [TENANT_HEADER]: tenantId, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body }),
    idempotent: true,
    blocking: false,
  });
  return { status: statusCode, text: await answer.text() };
};

const tenants = constantFrom(...TENANTS);

describe('requests of several tenants at once, over connections they share', () => {
  test('each see their own tenant at every step, and never another', async () => {
    await assert(
      asyncProperty(array(programs, { minLength: 5, maxLength: 30 }), async (list) => {
        const answers = await Promise.all(
          list.map(({ tenantId, steps }) => ask({ tenantId, path: '/programs', body: JSON.stringify({ steps }) })),
        );
        for (const { status, text } of answers) {
          expect(status, text).toBe(200);
          expect(JSON.parse(text)).toMatchObject({ wrong: [] });
        }
        expect(server.wrong).toEqual([]);
      }),
      { numRuns: 60 },
    );
    expect(server.looks()).toBeGreaterThan(2_000);
  });

  test('get the bytes of their own tenant from streams, however they are made and however slowly they are read', async () => {
    const calls = array(
      record({
        tenantId: tenants,
        kind: constantFrom('node-stream', 'generator', 'web-stream', 'raw'),
        chunks: integer({ min: 0, max: 30 }),
      }),
      { minLength: 4, maxLength: 20 },
    );
    await assert(
      asyncProperty(calls, async (list) => {
        await Promise.all(
          list.map(async ({ tenantId, kind, chunks }) => {
            const { status, text } = await ask({ tenantId, path: `/${kind}?chunks=${chunks}` });
            expect(status, text).toBe(200);
            expect(new Set(text.split(/ \.+/).filter(Boolean)), `${kind} of ${tenantId}`).toEqual(
              new Set(chunks === 0 ? [] : [tenantId]),
            );
          }),
        );
        expect(server.wrong).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test('are answered for their own tenant when their bodies come in pieces', async () => {
    const bodies = sample(record({ tenantId: tenants, size: integer({ min: 0, max: 400_000 }) }), 40);
    const answers = await Promise.all(
      bodies.map(({ tenantId, size }) => ask({ tenantId, path: '/upload', body: 'x'.repeat(size) })),
    );
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual(
      bodies.map(({ tenantId, size }) => ({ tenant: tenantId, bytes: size })),
    );
  });

  test.for([
    ['callbacks', { path: '/callback' }],
    ['transformed streams', { path: '/transformed' }],
    ['hooks', { path: '/hooked' }],
  ] as const)('are answered, with every hook in its own tenant, from %s over a connection they share', async ([, call]) => {
    const ids = sample(tenants, 100);
    const answers = await Promise.all(ids.map((tenantId) => ask({ tenantId, ...call })));
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual(ids.map((tenant) => ({ tenant })));
    expect(server.wrong).toEqual([]);
  });

  test('fail in their own tenant', async () => {
    const ids = sample(tenants, 40);
    const answers = await Promise.all(ids.map((tenantId) => ask({ tenantId, path: '/failing' })));
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual(ids.map((tenant) => ({ tenant })));
  });
});

describe('requests that come at once on one connection, in one piece', () => {
  const exchange = async (requests: string): Promise<string> => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(requests);
    await once(socket, 'close');
    return answer;
  };
  const get = (path: string, tenantId: string, last = false): string =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\n${TENANT_HEADER}: ${tenantId}\r\n${last ? 'connection: close\r\n' : ''}\r\n`;
  const tenantsIn = (answer: string) => [...answer.matchAll(/\{"tenant":(?:"([^"]*)"|null)\}/g)].map(([, tenant]) => tenant);

  test('each have their own tenant, and those of no tenant none', async () => {
    const answer = await exchange(
      get('/callback', 'acme') +
        get('/of-no-tenant', 'acme') +
        get('/callback', 'globex') +
        get('/public', 'globex') +
        get('/callback', 'initech', true),
    );
    expect(tenantsIn(answer)).toEqual(['acme', undefined, 'globex', undefined, 'initech']);
  });

  test('do not find a tenant that another of them left behind', async () => {
    const answer = await exchange(
      get('/careless', 'acme') + get('/of-no-tenant', 'acme') + get('/public', 'acme') + get('/callback', 'globex', true),
    );
    expect(tenantsIn(answer)).toEqual([undefined, undefined, 'globex']);
    expect(server.wrong).toEqual([]);
  });
});
