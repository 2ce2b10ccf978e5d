import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Edge, startEdge } from '../src/edge/edge.ts';
import { freePort } from '../src/ports.ts';

let app: Server;
let edge: Edge;
let answer: (request: IncomingMessage, response: ServerResponse) => unknown;

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
    });
  });
}

beforeEach(async () => {
  answer = (_request, response) => response.end();
  app = createServer((request, response) => answer(request, response));
  edge = await startEdge({
    port: await freePort(),
    routes: [
      { prefix: '/v1/things', app: 'things' },
      { prefix: '/v1/later', app: 'later' },
    ],
    upstreams: { things: await listen(app) },
    jwks: { keys: [{ kid: 'a-key' }] },
    status: () => ({ ready: true, parts: [{ name: 'things', state: 'running', pid: 7, restarts: 0, address: '<nowhere>' }] }),
  });
});

afterEach(async () => {
  await edge.stop();
  app.closeAllConnections();
  await new Promise((done) => {
    app.close(done);
  });
});

describe('the edge', () => {
  test('hands method, path, query, headers and body on, and the answer back, unchanged', async () => {
    answer = async (request, response) => {
      const { method, url, headers } = request;
      response.writeHead(207, { 'content-type': 'text/weird', etag: '"3"', 'x-id': 'abc' });
      response.end(
        JSON.stringify({
          method,
          url,
          authorization: headers.authorization,
          type: headers['content-type'],
          body: await text(request),
        }),
      );
    };
    const response = await fetch(`${edge.url}/v1/things/a%2Fb?x=1&x=%20`, {
      method: 'PATCH',
      headers: { authorization: 'Bearer t', 'content-type': 'application/x-odd' },
      body: '{broken',
    });
    expect(response.status).toBe(207);
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'text/weird', etag: '"3"', 'x-id': 'abc' });
    expect(await response.json()).toEqual({
      method: 'PATCH',
      url: '/v1/things/a%2Fb?x=1&x=%20',
      authorization: 'Bearer t',
      type: 'application/x-odd',
      body: '{broken',
    });
  });

  test('does not take a longer word for the prefix', async () => {
    const response = await fetch(`${edge.url}/v1/thingsandmore`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'no_route' });
  });

  test('streams an answer while it is being written', async () => {
    const finish: { now?: () => void } = {};
    answer = (_request, response) => {
      response.write('first');
      finish.now = () => response.end('last');
    };
    const response = await fetch(`${edge.url}/v1/things`);
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    finish.now?.();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('last');
  });

  test("passes an app's refusal of a large body on, whatever the size", async () => {
    answer = async (request, response) => {
      response.writeHead(413).end(String((await text(request)).length));
    };
    const response = await fetch(`${edge.url}/v1/things`, { method: 'POST', body: 'x'.repeat(10_000_000) });
    expect([response.status, await response.text()]).toEqual([413, '10000000']);
  });

  test('repeats nothing by itself: an app that answers 503 is asked once', async () => {
    let asked = 0;
    answer = (_request, response) => {
      asked++;
      response.writeHead(503, { 'retry-after': '0' }).end();
    };
    expect((await fetch(`${edge.url}/v1/things`)).status).toBe(503);
    expect(asked).toBe(1);
  });

  test('an app that is down, or not part of this stack, is a problem that says so', async () => {
    const absent = await fetch(`${edge.url}/v1/later/x`);
    expect([absent.status, absent.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
    expect(await absent.json()).toMatchObject({ type: 'urn:ultracore:problem:service_not_running', code: 'service_not_running' });

    answer = (request) => request.destroy();
    const down = await fetch(`${edge.url}/v1/things`);
    expect(down.status).toBe(503);
    expect(await down.json()).toMatchObject({
      code: 'service_unavailable',
      detail: expect.stringContaining('things does not answer'),
    });
  });

  test("reaches an app's own operations below /-/", async () => {
    answer = (request, response) => response.end(request.url);
    expect(await (await fetch(`${edge.url}/-/things/openapi.json`)).text()).toBe('/openapi.json');
    expect((await fetch(`${edge.url}/-/unknown/metrics`)).status).toBe(404);
  });

  test('serves the keys that tokens are checked with', async () => {
    expect(await (await fetch(`${edge.url}/.well-known/jwks.json`)).json()).toEqual({ keys: [{ kid: 'a-key' }] });
  });

  test('tells the state as JSON to programs and as a page to browsers', async () => {
    expect(await (await fetch(edge.url)).json()).toMatchObject({
      ready: true,
      parts: [{ name: 'things' }],
      routes: [{ prefix: '/v1/things' }],
    });
    const page = await fetch(edge.url, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('&lt;nowhere>');
  });
});
