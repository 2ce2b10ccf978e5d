import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { waitFor } from '@ultracore/testkit';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, createLogger, ProblemError, type HttpServer, type HttpServerOptions } from '../src/index.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function listen(
  handler: () => Promise<{ ok: boolean }> = async () => ({ ok: true }),
  options: Partial<HttpServerOptions> = {},
) {
  const made = await createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    authenticator: { authenticate: async () => ({ subject: 'a', roles: [] }) },
    title: 'Test',
    version: '1',
    ...options,
  });
  server = made;
  made.post('/v1/things', handler);
  return { made, address: new URL(await made.listen({ host: '127.0.0.1', port: 0 })) };
}

async function exchange(address: URL, request: string): Promise<string> {
  const socket = connect(Number(address.port), address.hostname);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(request);
  await once(socket, 'close');
  return answer;
}

describe('createHttpServer on a socket', () => {
  it('answers 413 to a body of 10 MB', async () => {
    const { address } = await listen();
    const body = JSON.stringify({ name: 'x'.repeat(10_000_000) });
    const response = await fetch(new URL('/v1/things', address), {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'body_too_large', field: 'body' });
  });

  it('answers problem+json to what is not HTTP and to endless headers', async () => {
    const { address } = await listen();
    const nonsense = await exchange(address, 'HELLO\r\n\r\n');
    expect(nonsense).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(nonsense).toContain('urn:ultracore:problem:bad_request');
    const endless = await exchange(address, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
    expect(endless).toContain('urn:ultracore:problem:headers_too_large');
  });

  it.each(['authorization', 'Content-Type', 'HOST'])('refuses a request that says %s twice', async (name) => {
    const { address } = await listen();
    const head = ['POST /v1/things HTTP/1.1', 'host: a', 'authorization: Bearer a', 'content-type: application/json'];
    const answer = await exchange(address, [...head, `${name}: other`, 'content-length: 2', '', '{}'].join('\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('urn:ultracore:problem:header_repeated');
  });

  it('refuses a request of very many headers, and drops none of them unseen', async () => {
    const { address } = await listen();
    const many = Array.from({ length: 1500 }, () => 'x:').join('\r\n');
    const answer = await exchange(address, `GET /livez HTTP/1.1\r\nhost: a\r\n${many}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
    expect(answer).toContain('urn:ultracore:problem:headers_too_many');
  });

  it('ends a connection that was to become another protocol’s with the answer', async () => {
    const { address } = await listen();
    const answer = await exchange(address, 'GET /livez HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it('does not wait for a head that never ends', async () => {
    const { address } = await listen(undefined, { headTimeoutMs: 50 });
    expect(await exchange(address, 'GET /livez HTTP/1.1\r\nhost: a\r\nx-')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('does not go on reading the body of a caller without a good token', async () => {
    const refuse = async () => {
      throw new ProblemError({ status: 401, code: 'token_invalid', detail: 'no' });
    };
    const { address } = await listen(undefined, { authenticator: { authenticate: refuse } });
    const head = `POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n`;
    expect(await exchange(address, head)).toMatch(/^HTTP\/1.1 401 /);
  });

  it('finishes what it has begun when it is closed, and takes nothing more', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { made, address } = await listen(async () => {
      begun.resolve();
      await gate.promise;
      return { ok: true };
    });
    const post = () =>
      fetch(new URL('/v1/things', address), { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
    const first = post();
    await begun.promise;
    const closing = made.close();
    gate.resolve();
    expect((await first).status).toBe(200);
    await closing;
    await expect(post()).rejects.toThrow('fetch failed');
  });

  it('answers 503 to a request that comes on a connection kept alive while it is being closed', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { made, address } = await listen(async () => {
      begun.resolve();
      await gate.promise;
      return { ok: true };
    });
    const request = 'POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    const socket = connect(Number(address.port), address.hostname);
    const answers = text(socket);
    socket.write(request);
    await begun.promise;
    const closing = made.close();
    await waitFor(() => !made.server.listening, { what: 'the server to stop listening' });
    const second = once(made.server, 'request');
    socket.write(request);
    await second;
    gate.resolve();
    await closing;
    expect((await answers).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 503']);
    expect(await answers).toContain('urn:ultracore:problem:stopping');
  });
});
