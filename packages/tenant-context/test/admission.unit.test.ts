import { TENANT_STATUSES, type TenantStatus } from '@ultracore/contracts';
import { createHttpServer, createLogger, problemSchema, type HttpServer, type Principal } from '@ultracore/service';
import fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { findTenant, TENANT_HEADER, tenantIsolation, type TenantIsolationOptions } from '../src/index.ts';

const lines: string[] = [];
const servers: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  lines.length = 0;
  for (const server of servers.splice(0)) await server.close();
});

/** A server whose tokens are their own claims. */
const serverWith = async (options: TenantIsolationOptions = {}): Promise<HttpServer> => {
  const server = await createHttpServer({
    logger: createLogger({ name: 'test', level: 'warn', destination: { write: (line) => void lines.push(line) } }),
    authenticator: {
      authenticate: async (authorization = '{}') => ({
        subject: 'team-a',
        roles: [],
        ...(JSON.parse(authorization) as Partial<Principal>),
      }),
    },
    title: 'Test',
    version: '1',
  });
  servers.push(server);
  await server.register(tenantIsolation, options);
  server.get('/v1/things', async (request) => ({ ...request.tenant, seen: findTenant() }));
  server.post('/v1/things', async (request) => ({ ...request.tenant }));
  server.get('/v1/about', { config: { tenant: false } }, async (request) => ({ known: request.admittedTenant ?? null }));
  server.get('/v1/fault', { config: { tenant: false } }, async (request) => request.tenant);
  return server;
};

const ask = async (
  server: HttpServer,
  { claims = {}, tenant, path = '/v1/things' }: { claims?: object; tenant?: string; path?: string },
) => {
  const answer = await server.inject({
    path,
    headers: { authorization: JSON.stringify(claims), ...(tenant === undefined ? {} : { [TENANT_HEADER]: tenant }) },
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), headers: answer.headers };
};

describe('by default', () => {
  test('the token’s tenant is served, named by the header or not, with all that is known of the request', async () => {
    const server = await serverWith();
    for (const tenant of ['acme', undefined]) {
      const { status, body } = await ask(server, { claims: { tenantId: 'acme' }, ...(tenant === undefined ? {} : { tenant }) });
      expect(status).toBe(200);
      expect(body).toMatchObject({ tenantId: 'acme', seen: 'acme', principal: 'team-a', readonly: true });
      expect(body['correlationId']).toMatch(/^[0-9a-f-]{36}$/);
      expect(body['traceparent']).toMatch(/^00-/);
    }
    const writing = await server.inject({
      method: 'POST',
      path: '/v1/things',
      headers: { authorization: '{"tenantId":"acme"}' },
    });
    expect(writing.json()).not.toHaveProperty('readonly');
  });

  test('another tenant than the token’s is 403 tenant_mismatch, and a line for those who watch', async () => {
    const server = await serverWith();
    const { status, body } = await ask(server, { claims: { tenantId: 'acme' }, tenant: 'globex' });
    expect([status, body['code']]).toEqual([403, 'tenant_mismatch']);
    expect(problemSchema.safeParse(body).success).toBe(true);
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ security: 'tenant_refused', tenant_id: 'globex', own_tenant_id: 'acme', subject: 'team-a' }),
    );
  });

  test('a token that names no tenant gives a right to none, whatever its roles', async () => {
    const server = await serverWith();
    const { status, body } = await ask(server, { claims: { roles: ['operator'] }, tenant: 'acme' });
    expect([status, body['code']]).toEqual([403, 'tenant_forbidden']);
    expect((await ask(server, { claims: {} })).body['code']).toBe('tenant_header_missing');
  });

  test.for([
    ['acme, globex', 'tenant_header_repeated'],
    ['ACME', 'tenant_header_invalid'],
    ['acme_1', 'tenant_header_invalid'],
    ['', 'tenant_header_missing'],
  ] as const)('the header %j is 400 %s', async ([tenant, code]) => {
    const { status, body } = await ask(await serverWith(), { claims: { tenantId: 'acme' }, tenant });
    expect([status, body['code']]).toEqual([400, code]);
  });

  test('public routes and those of no tenant run for none; reading one there is a bug', async () => {
    const server = await serverWith();
    expect((await server.inject('/livez')).statusCode).toBe(200);
    expect((await ask(server, { path: '/v1/about', tenant: 'acme' })).body).toEqual({ known: null });
    expect((await ask(server, { path: '/v1/fault' })).status).toBe(500);
    expect((await ask(server, { path: '/nowhere' })).status).toBe(404);
  });
});

describe('with a status', () => {
  const expected: Record<TenantStatus, [number, string | undefined]> = {
    active: [200, undefined],
    suspended: [403, 'tenant_suspended'],
    provisioning: [409, 'tenant_not_active'],
    failed: [409, 'tenant_not_active'],
    terminated: [409, 'tenant_not_active'],
    purged: [409, 'tenant_not_active'],
  };
  test.for([...TENANT_STATUSES])('%s is let through only when active', async (status) => {
    const server = await serverWith({ statusOf: () => status });
    const answer = await ask(server, { claims: { tenantId: 'acme' } });
    expect([answer.status, answer.body['code']]).toEqual(expected[status]);
  });

  test('an unknown tenant is 404 to who may ask for it, and 403 as any other to who may not', async () => {
    const server = await serverWith({ statusOf: async () => undefined });
    expect((await ask(server, { claims: { tenantId: 'acme' } })).body['code']).toBe('tenant_unknown');
    expect((await ask(server, { claims: { tenantId: 'globex' }, tenant: 'acme' })).body['code']).toBe('tenant_mismatch');
  });

  test('one that cannot be told is 503 with Retry-After, never served', async () => {
    const server = await serverWith({
      statusOf: () => {
        throw new Error('the copy is behind');
      },
    });
    const { status, body, headers } = await ask(server, { claims: { tenantId: 'acme' } });
    expect([status, body['code'], headers['retry-after']]).toEqual([503, 'tenant_status_unknown', '1']);
  });
});

describe('with rules of its own', () => {
  test('a service decides who may act for a tenant, where it is named, and what only reads', async () => {
    const server = await serverWith({
      authorize: async (request, tenantId) => request.principal.subject === 'team-a' && tenantId === 'globex',
      tenantOf: () => 'globex',
      isReadonly: () => false,
    });
    const { status, body } = await ask(server, { tenant: 'acme' });
    expect([status, body['tenantId'], body['readonly']]).toEqual([200, 'globex', undefined]);
  });

  test('a rule that fails is a fault of ours, and the request is not served', async () => {
    const server = await serverWith({ authorize: () => Promise.reject(new Error('on purpose')) });
    expect((await ask(server, { claims: { tenantId: 'acme' } })).status).toBe(500);
  });

  test('on a server without authentication nobody is let in unless it says who', async () => {
    const server = fastify();
    servers.push(server);
    await server.register(tenantIsolation, {});
    server.get('/', async (request) => request.tenant);
    const answer = await server.inject({ path: '/', headers: { [TENANT_HEADER]: 'acme' } });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'tenant_forbidden']);
  });
});
