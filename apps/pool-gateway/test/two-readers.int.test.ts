import { connect } from 'node:net';
import { createHttpServer, createLogger, ProblemError, type Authenticator, type HttpServer } from '@ultracore/service';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachHotPath } from '../src/inbound/hot-path/hot-path.ts';
import { createHotQuery, createTokenCheck, QUERY_LINE } from '../src/inbound/hot-path/hot-query.ts';
import { createCalls } from '../src/inbound/http/calls.ts';
import { addQueryRoutes } from '../src/inbound/http/query-routes.ts';
import type { Answer, Call, Run } from '../src/query/call.ts';
import type { QueryService } from '../src/query/query-service.ts';

/** A gateway that answers every query with what it understood of it. */
interface Reader {
  readonly port: number;
  readonly hot: () => number;
  close(): Promise<void>;
}

const DONE: Run = { abort: () => {}, resume: () => {} };
const logger = createLogger({ name: 'test', level: 'silent' });

const authenticator: Authenticator = {
  async authenticate(authorization) {
    const subject = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (subject === undefined || subject === 'bad') throw new ProblemError({ status: 401, code: 'token_invalid', detail: 'No.' });
    return { subject, roles: [] };
  },
  recall: () => undefined,
};

function echo({ principal, tenantHeader, body, bodyBytes }: Call<unknown>, answer: Answer): Run {
  answer.completed(Buffer.from(JSON.stringify({ subject: principal.subject, tenantHeader, body, bodyBytes })));
  return DONE;
}

const queries: QueryService = {
  query: echo,
  transaction: echo,
  stream(call, answer) {
    answer.write(Buffer.from(`${JSON.stringify({ streamed: call.body })}\n`));
    answer.end();
    return DONE;
  },
};

async function startReader({ lean }: { lean: boolean }): Promise<Reader> {
  const server: HttpServer = await createHttpServer({ logger, authenticator, title: 'Test', version: '1' });
  const calls = createCalls();
  addQueryRoutes(server, { queries, calls });
  let hot = 0;
  if (lean) {
    const deps = { authenticator, queries, calls, logger, onAnswered: () => void (hot += 1) };
    const path = attachHotPath(server.server, {
      requestLine: QUERY_LINE,
      handle: createHotQuery(deps),
      check: createTokenCheck(deps),
    });
    server.addHook('preClose', (done) => {
      path.close();
      done();
    });
  }
  const url = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  return { port: Number(url.port), hot: () => hot, close: () => server.close() };
}

let both: Reader;
let fullOnly: Reader;
beforeAll(async () => {
  [both, fullOnly] = await Promise.all([startReader({ lean: true }), startReader({ lean: false })]);
});
afterAll(() => Promise.all([both?.close(), fullOnly?.close()]));

const HOST = 'host: gateway.example';
const TOKEN = 'authorization: Bearer ann';
const JSON_TYPE = 'content-type: application/json';
const BODY = '{"sql":"select 1"}';

interface Parts {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly more?: readonly string[];
  readonly body?: string;
  readonly end?: string;
}

function request(parts: Parts = {}): string {
  const { line = QUERY_LINE, headers = [HOST, TOKEN, JSON_TYPE], more = [], body = BODY, end = '\r\n' } = parts;
  return [line, ...headers, ...more, `content-length: ${Buffer.byteLength(body)}`, '', body].join(end);
}

/** A request of somebody else on the same connection, as an intermediary would send it; the last one. */
const NEXT = request({
  headers: [HOST, 'authorization: Bearer bob', JSON_TYPE, 'connection: close'],
  body: '{"sql":"select 2"}',
});

/** What comes back until the connection ends: statuses, bodies. What differs by chance is left out. */
async function outcomeOf(port: number, bytes: string, encoding: BufferEncoding = 'latin1'): Promise<string[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.on('close', () => (isClosed = true));
  socket.write(Buffer.from(bytes, encoding));
  try {
    await waitFor(() => isClosed, { what: `the end of ${JSON.stringify(bytes.slice(0, 120))}` });
  } finally {
    socket.destroy();
  }
  return answersIn(Buffer.concat(chunks).toString('latin1'));
}

const CHANCE = /^(?:x-request-id|x-correlation-id|traceparent|Date): .*$/gim;

function answersIn(text: string): string[] {
  const answers: string[] = [];
  let rest = text;
  while (rest !== '') {
    const head = /^HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n/.exec(rest);
    if (!head) throw new Error(`What came back is no HTTP: ${JSON.stringify(rest.slice(0, 200))}`);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head[2] ?? '')?.[1] ?? Number.NaN);
    const [whole, status] = head;
    if (status === '100') {
      rest = rest.slice(whole.length);
      continue;
    }
    const end = Number.isNaN(length) ? rest.length : whole.length + length;
    const body = rest.slice(whole.length, end).replaceAll(CHANCE, '');
    const code = /"code":"([a-z_]+)"/.exec(body)?.[1];
    answers.push(`${status} ${code ?? body}`);
    rest = rest.slice(end);
  }
  return answers;
}

const OF_BOB = '"subject":"bob"';

describe('a request is understood in the same way, whichever of the two readers has it', () => {
  const chunked = (lines: readonly string[], head: readonly string[] = []): string =>
    [QUERY_LINE, HOST, TOKEN, JSON_TYPE, ...head, '', ...lines].join('\r\n');
  const CHUNKS = [BODY.length.toString(16), BODY, '0', '', ''];

  const cases: readonly (readonly [string, string])[] = [
    ['plain', request()],
    ['plain, with a tenant', request({ more: ['X-UltraCore-Tenant-Id: acme-1'] })],
    [
      'names of headers in other letters',
      request({ headers: ['HOST: a', 'AUTHORIZATION: Bearer ann', 'Content-TYPE: application/json'] }),
    ],
    ['the scheme of the token in other letters', request({ headers: [HOST, 'authorization: bEARER   ann', JSON_TYPE] })],
    [
      'blanks around values',
      request({ headers: ['host:a', 'authorization: \t Bearer ann \t', 'content-type:application/json  '] }),
    ],
    ['an empty tenant', request({ more: ['x-ultracore-tenant-id:'] })],
    ['a tenant of blanks', request({ more: ['x-ultracore-tenant-id: \t '] })],
    ['a tenant with a comma', request({ more: ['x-ultracore-tenant-id: a-1, b-1'] })],
    ['two tenants', request({ more: ['x-ultracore-tenant-id: a-1', 'X-ULTRACORE-TENANT-ID: b-1'] })],
    ['the same tenant twice', request({ more: ['x-ultracore-tenant-id: a-1', 'x-ultracore-tenant-id: a-1'] })],
    ['a tenant of other bytes', request({ more: ['x-ultracore-tenant-id: \xe4-1'] })],
    ['two tokens', request({ more: ['authorization: Bearer eve'] })],
    ['two tokens, one empty', request({ headers: [HOST, 'authorization:', TOKEN, JSON_TYPE] })],
    ['a bad token', request({ headers: [HOST, 'authorization: Bearer bad', JSON_TYPE] })],
    ['no token', request({ headers: [HOST, JSON_TYPE] })],
    ['an empty token', request({ headers: [HOST, 'authorization:', JSON_TYPE] })],
    ['a token with something behind it', request({ headers: [HOST, 'authorization: Bearer ann, Bearer eve', JSON_TYPE] })],
    ['two hosts', request({ more: ['host: other'] })],
    ['no host', request({ headers: [TOKEN, JSON_TYPE] })],
    ['two media types', request({ more: ['content-type: text/plain'] })],
    ['a charset', request({ headers: [HOST, TOKEN, 'content-type: application/json; charset=UTF-8'] })],
    ['another charset', request({ headers: [HOST, TOKEN, 'content-type: application/json; charset=utf-16'] })],
    ['lengths that agree', request({ more: [`content-length: ${BODY.length}`] })],
    ['lengths that do not agree', request({ more: ['content-length: 1'] })],
    ['a list of lengths', chunked([BODY], [`content-length: ${BODY.length}, ${BODY.length}`])],
    ['a length with a sign', chunked([BODY], [`content-length: +${BODY.length}`])],
    ['a length in hexadecimal', chunked([BODY], ['content-length: 0x12'])],
    ['a length with noughts', chunked([BODY], [`content-length: 000${BODY.length}`])],
    ['a length with a fraction', chunked([BODY], [`content-length: ${BODY.length}.0`])],
    ['a negative length', chunked([BODY], ['content-length: -1'])],
    ['no length and no body', chunked([])],
    ['a length of 0', chunked([], ['content-length: 0'])],
    ['chunks', chunked(CHUNKS, ['transfer-encoding: chunked'])],
    ['chunks in other letters', chunked(CHUNKS, ['Transfer-Encoding: CHUNKED'])],
    ['chunks with extensions', chunked([`${BODY.length.toString(16)};a=b`, BODY, '0;c', '', ''], ['transfer-encoding: chunked'])],
    [
      'chunks with a trailer',
      chunked([BODY.length.toString(16), BODY, '0', 'authorization: Bearer eve', '', ''], ['transfer-encoding: chunked']),
    ],
    ['chunks and a length', chunked(CHUNKS, ['transfer-encoding: chunked', 'content-length: 4'])],
    ['a length and chunks', chunked(CHUNKS, ['content-length: 4', 'transfer-encoding: chunked'])],
    ['a coding of another name', chunked(CHUNKS, ['transfer-encoding: xchunked', `content-length: ${BODY.length}`])],
    ['a coding before chunks', chunked(CHUNKS, ['transfer-encoding: identity, chunked'])],
    ['a coding after chunks', chunked(CHUNKS, ['transfer-encoding: chunked, identity'])],
    ['chunks said twice', chunked(CHUNKS, ['transfer-encoding: chunked', 'transfer-encoding: chunked'])],
    ['chunks with a form feed', chunked(CHUNKS, ['transfer-encoding: \x0cchunked', 'content-length: 4'])],
    ['a blank before the colon', chunked(CHUNKS, ['transfer-encoding : chunked', 'content-length: 4'])],
    ['a folded line', request({ more: ['x-request-id: a', ' authorization: Bearer eve'] })],
    ['a folded coding', chunked(CHUNKS, ['transfer-encoding:', ' chunked', 'content-length: 4'])],
    ['bare line feeds', request({ end: '\n' })],
    ['bare carriage returns', request({ end: '\r' })],
    ['a bare line feed in a value', request({ more: ['x-request-id: a\nauthorization: Bearer eve'] })],
    ['a bare carriage return in a value', request({ more: ['x-request-id: a\rauthorization: Bearer eve'] })],
    ['a NUL in a value', request({ more: ['x-request-id: a\0b'] })],
    ['a header without a name', request({ more: [': x'] })],
    ['a header without a colon', request({ more: ['nothing'] })],
    ['an empty line first', `\r\n${request()}`],
    ['a line feed first', `\n${request()}`],
    ['blanks first', ` ${request()}`],
    ['HTTP/1.0', request({ line: 'POST /v1/query HTTP/1.0' })],
    ['HTTP/1.0 with chunks', chunked(CHUNKS, ['transfer-encoding: chunked']).replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/2.0', request({ line: 'POST /v1/query HTTP/2.0' })],
    ['HTTP/1.2', request({ line: 'POST /v1/query HTTP/1.2' })],
    ['no version', request({ line: 'POST /v1/query' })],
    ['a method in small letters', request({ line: 'post /v1/query HTTP/1.1' })],
    ['two blanks in the line', request({ line: 'POST  /v1/query HTTP/1.1' })],
    ['a whole URL', request({ line: 'POST http://gateway.example/v1/query HTTP/1.1' })],
    ['a URL of another host', request({ line: 'POST http://other.example/v1/query HTTP/1.1' })],
    ['a path with percents', request({ line: 'POST /v1/%71uery HTTP/1.1' })],
    ['a path with a percent that is none', request({ line: 'POST /v1/query%zz HTTP/1.1' })],
    ['a path with dots', request({ line: 'POST /v1/../v1/query HTTP/1.1' })],
    ['a path with two slashes', request({ line: 'POST //v1/query HTTP/1.1' })],
    ['a path with a slash at its end', request({ line: 'POST /v1/query/ HTTP/1.1' })],
    ['a path with a fragment', request({ line: 'POST /v1/query#x HTTP/1.1' })],
    ['a path with a question', request({ line: 'POST /v1/query?tenant=x HTTP/1.1' })],
    ['a path in other letters', request({ line: 'POST /V1/query HTTP/1.1' })],
    ['OPTIONS', request({ line: 'OPTIONS /v1/query HTTP/1.1' })],
    ['OPTIONS of everything', request({ line: 'OPTIONS * HTTP/1.1' })],
    ['GET with a body', request({ line: 'GET /v1/query HTTP/1.1' })],
    ['TRACE', request({ line: 'TRACE /v1/query HTTP/1.1', body: '' })],
    ['CONNECT', request({ line: 'CONNECT gateway.example:443 HTTP/1.1', body: '' })],
    ['an expectation', request({ more: ['expect: 100-continue'] })],
    ['an expectation that nobody meets', request({ more: ['expect: the-moon'] })],
    ['a wish for another protocol', request({ more: ['connection: upgrade', 'upgrade: h2c'] })],
    ['a wish for a web socket', request({ more: ['connection: Upgrade', 'upgrade: websocket'] })],
    ['a connection that would take the token away', request({ more: ['connection: authorization'] })],
    ['another method on top', request({ more: ['x-http-method-override: DELETE'] })],
    ['another path on top', request({ more: ['x-original-url: /v1/pools', 'x-rewrite-url: /v1/pools'] })],
    ['no JSON', request({ body: '{"sql":' })],
    ['no object', request({ body: '[]' })],
    ['a mark of the byte order', request({ body: '\xef\xbb\xbf{"sql":"select 1"}' })],
    ['bytes that are no UTF-8', request({ body: '{"sql":"select \xff"}' })],
    ['half of a surrogate pair', request({ body: '{"sql":"select \\ud800"}' })],
    ['a key twice', request({ body: '{"sql":"select 1","sql":"select 3"}' })],
    ['a key of prototypes', request({ body: '{"sql":"select 1","__proto__":{"readonly":true}}' })],
    ['a key of constructors', request({ body: '{"sql":"select 1","params":[{"constructor":{"prototype":{}}}]}' })],
    ['a key of prototypes further in', request({ body: '{"sql":"select 1","params":[{"__proto__":{"a":1}}]}' })],
    ['a key of prototypes in disguise', request({ body: '{"sql":"select 1","params":[{"\\u005f_proto__":{"a":1}}]}' })],
    ['a key that is unknown', request({ body: '{"sql":"select 1","tenant_id":"b-1"}' })],
    ['numbers in other forms', request({ body: '{"sql":"select 1","timeout_ms":1e3,"max_rows":10.0}' })],
    ['numbers that are none', request({ body: '{"sql":"select 1","timeout_ms":-0}' })],
    ['a number beyond what is exact', request({ body: '{"sql":"select 1","timeout_ms":9007199254740993}' })],
    ['null for what may be left out', request({ body: '{"sql":"select 1","readonly":null}' })],
    ['an empty text', request({ body: '{"sql":""}' })],
    ['blanks around the body', request({ body: ' \r\n{"sql":"select 1"}\r\n ' })],
    ['a NUL in the text', request({ body: '{"sql":"select \\u0000"}' })],
    ['two bodies', request({ body: `${BODY}${BODY}` })],
  ];

  test.each(cases)('%s', async (_what, bytes) => {
    const [one, other] = await Promise.all([outcomeOf(both.port, bytes + NEXT), outcomeOf(fullOnly.port, bytes + NEXT)]);
    // Bob's request is never more than one, and never any part of what was said before it; or the connection has ended.
    expect(one.filter((answer) => answer.includes(OF_BOB)).length).toBeLessThanOrEqual(1);
    expect(one.slice(0, -1).some((answer) => answer.includes(OF_BOB))).toBe(false);
    expect(one.join()).not.toMatch(/"subject":"eve"/);
    expect(one).toEqual(other);
  });
});

describe('what comes behind a request', () => {
  test('that was refused for its token is answered for itself', async () => {
    const bad = request({ headers: [HOST, 'authorization: Bearer bad', JSON_TYPE] });
    const answers = await outcomeOf(both.port, bad + request() + bad + NEXT);
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['401', '200', '401', '200']);
    expect(answers[1]).toContain('"subject":"ann"');
    expect(answers[3]).toContain(OF_BOB);
  });

  test('was read by the lean reader, where it is plain', async () => {
    const before = both.hot();
    await outcomeOf(both.port, request() + request() + NEXT);
    expect(both.hot()).toBe(before + 2);
  });
});
