import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createHealth,
  createHttpServer,
  createLogger,
  problemSchema,
  ProblemError,
  type HttpServer,
  type HttpServerOptions,
  type Principal,
} from '../src/index.ts';

const operator: Principal = { subject: 'ops', roles: ['operator'] };
const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function testServer(options: Partial<HttpServerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const authenticator = {
    async authenticate(header: string | undefined): Promise<Principal> {
      if (header === 'Bearer ops') return operator;
      if (header === 'Bearer auditor') return { subject: 'aud', roles: ['auditor'] };
      throw new ProblemError({
        status: 401,
        code: 'token_missing',
        detail: 'no token',
        headers: { 'www-authenticate': 'Bearer' },
      });
    },
  };
  const server = await createHttpServer({ logger, authenticator, title: 'Test', version: '1.2.3', ...options });
  servers.push(server);
  server.post(
    '/v1/things/:thing_id',
    {
      schema: {
        params: z.object({ thing_id: z.string().regex(/^[a-z]+$/, 'must be lower case') }),
        body: z.strictObject({
          name: z.string().max(5),
          settings: z.object({ size: z.number() }).optional(),
          id: z
            .string()
            .optional()
            .superRefine((value, context) => {
              if (value === 'shared')
                context.addIssue({ code: 'custom', params: { code: 'id_reserved' }, message: 'is reserved' });
            }),
        }),
        response: { 200: z.object({ ok: z.boolean() }) },
      },
    },
    async () => ({ ok: true }),
  );
  server.get('/v1/only-operators', { config: { roles: ['operator'] } }, async (request) => ({
    subject: request.principal.subject,
  }));
  server.get('/v1/broken', async () => {
    throw new Error('cannot reach postgres://app:hunter2@db');
  });
  server.get('/v1/public', { config: { public: true } }, async () => ({ ok: true }));
  server.get('/v1/wrong-answer', { schema: { response: { 200: z.object({ n: z.number() }) } } }, async () =>
    JSON.parse('{"n":"x"}'),
  );
  const call = async (
    method: 'GET' | 'POST' | 'PUT' | 'PROPFIND',
    url: string,
    request: { body?: string; headers?: object } = {},
  ) => {
    const response = await server.inject({
      method,
      url,
      ...(request.body === undefined ? {} : { payload: request.body }),
      headers: { authorization: 'Bearer ops', 'content-type': 'application/json', ...request.headers },
    });
    return { status: response.statusCode, headers: response.headers, body: response.body, response };
  };
  return { server, call, log: () => lines.join('') };
}

type Answer = Awaited<ReturnType<Awaited<ReturnType<typeof testServer>>['call']>>;

function problemIn(answer: Answer) {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const problem = problemSchema.parse(JSON.parse(answer.body));
  expect(problem.status).toBe(answer.status);
  expect(problem.request_id).toBe(answer.headers['x-request-id']);
  return problem;
}

describe('errors', () => {
  it.each([
    ['an unknown path', 'GET', '/v1/nothing', {}, 404, 'not_found'],
    ['a method that the path does not answer to', 'PUT', '/v1/things/a', { body: '{}' }, 405, 'method_not_allowed'],
    ['a method that is not even known', 'PROPFIND', '/v1/things/a', {}, 405, 'method_not_allowed'],
    ['a path with broken percent-encoding', 'GET', '/v1/things/%', {}, 400, 'bad_url'],
    ['a path parameter without end', 'POST', `/v1/things/${'a'.repeat(300)}`, { body: '{}' }, 414, 'path_too_long'],
    [
      'a body of another media type',
      'POST',
      '/v1/things/a',
      { body: 'x', headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    ['no body', 'POST', '/v1/things/a', { headers: { 'content-type': undefined } }, 400, 'body_missing'],
    ['an empty body', 'POST', '/v1/things/a', { body: '' }, 400, 'body_missing'],
    ['a body that is too large', 'POST', '/v1/things/a', { body: `"${'x'.repeat(1024 * 1024)}"` }, 413, 'body_too_large'],
    ['broken JSON', 'POST', '/v1/things/a', { body: '{"name": hunter2' }, 400, 'json_invalid'],
    ['a key that changes the prototype', 'POST', '/v1/things/a', { body: '{"__proto__":{}}' }, 400, 'json_invalid'],
    ['such a key, spelt otherwise', 'POST', '/v1/things/a', { body: '{"\\u005f_proto__":{}}' }, 400, 'json_invalid'],
    ['no token', 'GET', '/v1/only-operators', { headers: { authorization: '' } }, 401, 'token_missing'],
    [
      'a token without the role',
      'GET',
      '/v1/only-operators',
      { headers: { authorization: 'Bearer auditor' } },
      403,
      'role_missing',
    ],
    ['an answer that does not fit its schema', 'GET', '/v1/wrong-answer', {}, 500, 'internal'],
  ] as const)('%s is a problem+json', async (_title, method, url, request, status, code) => {
    const { call } = await testServer();
    const answer = await call(method, url, request);
    expect(problemIn(answer)).toMatchObject({ status, code, type: `urn:ultracore:problem:${code}` });
    expect(answer.body).not.toContain('hunter2');
  });

  it('name every field that is wrong, with a code, and never what was sent', async () => {
    const { call } = await testServer();
    const body = JSON.stringify({ name: 'hunter2', settings: { size: 'hunter2' }, id: 'shared', extra: 1 });
    const answer = await call('POST', '/v1/things/a', { body });
    const problem = problemIn(answer);
    expect(problem).toMatchObject({ status: 400, code: 'validation_failed' });
    expect(problem.errors?.map(({ field, code }) => [field, code]).sort()).toEqual([
      ['extra', 'unknown_field'],
      ['id', 'id_reserved'],
      ['name', 'too_big'],
      ['settings.size', 'invalid_type'],
    ]);
    expect(answer.body).not.toContain('hunter2');
  });

  it('name the field also when it is in the path, and say `required` for one that is missing', async () => {
    const { call } = await testServer();
    expect(problemIn(await call('POST', '/v1/things/UPPER', { body: '{}' }))).toMatchObject({ field: 'thing_id' });
    expect(problemIn(await call('POST', '/v1/things/a', { body: '{}' }))).toMatchObject({
      field: 'name',
      errors: [{ field: 'name', code: 'required' }],
    });
  });

  it('tell where JSON is broken when the parser knows', async () => {
    const { call } = await testServer();
    const problem = problemIn(await call('POST', '/v1/things/a', { body: '{"name":"a",\n "x" 1}' }));
    expect(problem.detail).toBe('The body is not valid JSON (line 2, column 6).');
  });

  it('that nobody foresaw show nothing of the inside; the log has it under the request id, without passwords', async () => {
    const { call, log } = await testServer();
    const answer = await call('GET', '/v1/broken', { headers: { 'x-request-id': 'req-7' } });
    expect(problemIn(answer)).toMatchObject({
      status: 500,
      code: 'internal',
      request_id: 'req-7',
      instance: 'urn:ultracore:request:req-7',
    });
    expect(answer.body).not.toMatch(/postgres|hunter2|stack/);
    expect(log()).toContain('"request_id":"req-7"');
    expect(log()).toContain('postgres://app:[redacted]@db');
  });

  it('of the application become the answers it maps them to', async () => {
    const mapError = (error: unknown) =>
      error instanceof Error && error.message.startsWith('cannot reach')
        ? new ProblemError({ status: 503, code: 'store_down', detail: 'later', headers: { 'retry-after': '3' } })
        : undefined;
    const { call } = await testServer({ mapError });
    const answer = await call('GET', '/v1/broken');
    expect(problemIn(answer)).toMatchObject({ status: 503, code: 'store_down' });
    expect(answer.headers['retry-after']).toBe('3');
  });

  it('405 names the methods that the path answers to', async () => {
    const { call } = await testServer();
    expect((await call('PUT', '/v1/things/a', { body: '{}' })).headers.allow).toBe('POST');
    expect((await call('POST', '/v1/public', { body: '{}' })).headers.allow).toBe('GET, HEAD');
  });
});

describe('tokens', () => {
  it('are asked for before the body is looked at, on every route that is not public', async () => {
    const { call } = await testServer();
    const anonymous = { authorization: '' };
    expect((await call('POST', '/v1/things/a', { body: 'not json', headers: anonymous })).status).toBe(401);
    expect((await call('GET', '/v1/public', { headers: anonymous })).status).toBe(200);
    expect((await call('GET', '/v1/only-operators')).body).toBe('{"subject":"ops"}');
  });
});

describe('every answer', () => {
  it('carries security headers, a request id, a correlation id and the trace', async () => {
    const { call } = await testServer();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const url of ['/v1/public', '/v1/nothing', '/v1/%']) {
      const { headers } = await call('GET', url, { headers: { traceparent, 'x-request-id': 'r1', 'x-correlation-id': 'c1' } });
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'x-request-id': 'r1',
        'x-correlation-id': 'c1',
        traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/),
      });
    }
  });
});

describe('operations', () => {
  it('readiness answers 503 with the reasons, liveness is apart from it', async () => {
    const readiness = createHealth();
    readiness.add('kafka', () => 'no broker');
    const { call } = await testServer({ readiness });
    const ready = await call('GET', '/readyz', { headers: { authorization: '' } });
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.body)).toEqual({ status: 'failing', checks: [{ name: 'kafka', ok: false, reason: 'no broker' }] });
    expect((await call('GET', '/livez', { headers: { authorization: '' } })).status).toBe(200);
  });

  it('metrics count requests by route, never by path', async () => {
    const { call } = await testServer();
    await call('POST', '/v1/things/abc', { body: '{"name":"a"}' });
    const { body } = await call('GET', '/metrics', { headers: { authorization: '' } });
    expect(body).toContain('http_request_duration_seconds_count{method="POST",route="/v1/things/:thing_id",status="200"} 1');
    expect(body).toContain('process_cpu_user_seconds_total');
    expect(body).not.toContain('things/abc');
  });

  it('openapi.json is 3.1, with schemas, the problem as default answer and the token', async () => {
    const { call } = await testServer();
    const document = JSON.parse((await call('GET', '/openapi.json', { headers: { authorization: '' } })).body);
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Test', version: '1.2.3' }, security: [{ bearer: [] }] });
    expect(Object.keys(document.paths).sort()).toEqual([
      '/v1/broken',
      '/v1/only-operators',
      '/v1/public',
      '/v1/things/{thing_id}',
      '/v1/wrong-answer',
    ]);
    const operation = document.paths['/v1/things/{thing_id}'].post;
    expect(operation.requestBody.content['application/json'].schema.required).toEqual(['name']);
    expect(operation.responses.default.content).toHaveProperty(['application/problem+json']);
    expect(document.paths['/v1/public'].get.security).toEqual([]);
  });
});
