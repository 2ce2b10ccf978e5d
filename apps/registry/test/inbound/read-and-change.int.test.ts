import { createInMemoryEventStore, type EventStore } from '@ultracore/event-sourcing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TENANT_COLUMNS, toReadModelRow, writeTenants } from '../../src/readmodel/tenants.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { startApp, type TestApp } from '../app.ts';
import { createFacts } from './facts-of-worker.ts';
import { factsOf } from '../tenant/examples.ts';

const SHOWN = TENANT_COLUMNS.filter((column) => !column.includes('password'));

let app: TestApp;
let store: EventStore;
let facts: ReturnType<typeof createFacts>;
let next = 0;

beforeAll(async () => {
  store = createInMemoryEventStore();
  app = await startApp(store);
  facts = createFacts(store);
});
afterAll(() => app[Symbol.asyncDispose]());

const create = async (more: object = {}): Promise<{ id: string; request: string }> => {
  next += 1;
  const id = `life-${next}`;
  const body = { tenant_id: id, tenant_name: `Life ${next}`, tier: 'standard', owner_email: 'ada@firm.example', ...more };
  const answer = await app.call('POST', '/v1/tenants', { body });
  return { id, request: answer.body.provisioning.request_id };
};
describe('one tenant', () => {
  test('shows home and logins once it is active, and never a password, not even sealed', async () => {
    const { id, request } = await create();
    await facts.activate(id, request);
    const { body, text, headers } = await app.call('GET', `/v1/tenants/${id}`);
    expect(body).toMatchObject({
      status: 'active',
      db_name: 'ultracore_shared',
      schema_name: 'tenant_standard_002',
      db_username: 'uc_standard_002',
      readonly_db_username: 'uc_standard_002__ro',
      encryption_algorithm: 'AES-256-GCM',
      migration_version: '0003',
      provisioning: { request_id: request, outcome: 'done' },
      revision: 5,
    });
    expect(headers['etag']).toBe('"5"');
    expect(text).not.toMatch(/password|v1\.k1/);
  });

  test('that does not exist is 404; an id that cannot be one names the field', async () => {
    expect(await app.call('GET', '/v1/tenants/no-such-tenant')).toMatchObject({
      status: 404,
      body: { code: 'tenant_not_found' },
    });
    expect(await app.call('GET', '/v1/tenants/No_Such')).toMatchObject({ status: 400, body: { field: 'tenant_id' } });
  });

  test('is read by operators, auditors and its own creator; for other creators it does not exist', async () => {
    const { id } = await create();
    const status = async (token: string | null) => (await app.call('GET', `/v1/tenants/${id}`, { token })).status;
    expect(await Promise.all(['operator', 'auditor', 'creator', 'stranger', 'nobody', null].map(status))).toEqual([
      200, 200, 200, 404, 403, 401,
    ]);
  });
});

describe('the history', () => {
  test('tells everything in order with who, why and since when, without passwords, page by page', async () => {
    const { id, request } = await create();
    await facts.activate(id, request);
    const pages = [];
    let cursor: string | null = null;
    do {
      const url: string = `/v1/tenants/${id}/events?limit=4${cursor ? `&cursor=${cursor}` : ''}`;
      const page = await app.call('GET', url, { token: 'auditor' });
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(/password|v1\.k1/);
      pages.push(page.body.events);
      cursor = page.body.next_cursor;
    } while (cursor);
    expect(pages.map((page) => page.length)).toEqual([4, 2]);
    const events = pages.flat();
    expect(events.map((event) => [event.revision, event.type])).toEqual([
      [0, 'TenantCreatedEvent'],
      [1, 'TenantProvisioningStartedEvent'],
      [2, 'TenantCredentialsIssuedEvent'],
      [3, 'TenantSchemaCreatedEvent'],
      [4, 'TenantMigrationsCompletedEvent'],
      [5, 'TenantActivatedEvent'],
    ]);
    expect(events[0]).toMatchObject({ actor: 'op-1', data: { tenant_name: `Life ${next}` } });
    expect(events[1]).toMatchObject({ actor: '/ultracore/provisioning-worker', causation_id: request });
    expect(events[2].data).toMatchObject({ db_username: 'uc_standard_002', key_id: 'k1' });
  });

  test('of an unknown tenant is 404, a cursor that is none 400', async () => {
    const { id } = await create();
    expect(await app.call('GET', '/v1/tenants/no-such-tenant/events')).toMatchObject({ status: 404 });
    expect(await app.call('GET', `/v1/tenants/${id}/events?cursor=x`)).toMatchObject({ status: 400, body: { field: 'cursor' } });
    expect(await app.call('GET', `/v1/tenants/${id}/events?limit=201`)).toMatchObject({ status: 400, body: { field: 'limit' } });
  });
});

describe('retry', () => {
  test('of a failed tenant is accepted as a new attempt', async () => {
    const { id, request } = await create();
    await facts.say(id, factsOf(request).started, factsOf(request).failed);
    expect((await app.call('GET', `/v1/tenants/${id}`)).body).toMatchObject({
      status: 'failed',
      failure: { step: 'migrate', code: 'migration_failed' },
    });
    const retried = await app.call('POST', `/v1/tenants/${id}/retry`);
    expect(retried).toMatchObject({
      status: 202,
      headers: { location: `/v1/tenants/${id}`, etag: '"3"' },
      body: { status: 'provisioning', failure: null, provisioning: { attempt: 2, outcome: 'open' } },
    });
  });

  test('is refused while it makes no sense, and for an unknown tenant', async () => {
    const { id } = await create();
    expect(await app.call('POST', `/v1/tenants/${id}/retry`, { body: {} })).toMatchObject({
      status: 409,
      body: { code: 'not_retryable' },
    });
    expect(await app.call('POST', '/v1/tenants/no-such-tenant/retry')).toMatchObject({ status: 404 });
  });

  test('repeated under its key is one retry', async () => {
    const { id, request } = await create();
    await facts.say(id, factsOf(request).failed);
    const headers = { 'idempotency-key': 'again' };
    const [one, two] = [
      await app.call('POST', `/v1/tenants/${id}/retry`, { headers }),
      await app.call('POST', `/v1/tenants/${id}/retry`, { headers, server: await app.sibling() }),
    ];
    expect([one.status, two.status]).toEqual([202, 202]);
    expect(two.body).toEqual(one.body);
  });
});

describe('terminate', () => {
  const body = { reason: 'created by mistake' };

  test('of a tenant that never was active makes its purge due at once', async () => {
    const { id } = await create();
    const answer = await app.call('POST', `/v1/tenants/${id}/terminate`, { body: { ...body, data_retention_days: 30 } });
    expect(answer).toMatchObject({
      status: 202,
      body: { status: 'terminated', provisioning: { outcome: 'cancelled' } },
    });
    expect(answer.body.purge_after).toBe(answer.body.terminated_at);
    const [, terminated] = (await app.call('GET', `/v1/tenants/${id}/events`)).body.events;
    expect(terminated).toMatchObject({ type: 'TenantTerminatedEvent', actor: 'op-1', data: { ...body, data_retention_days: 0 } });
  });

  test('is refused for one that is terminated', async () => {
    const other = await create();
    await app.call('POST', `/v1/tenants/${other.id}/terminate`, { body });
    expect(await app.call('POST', `/v1/tenants/${other.id}/terminate`, { body })).toMatchObject({
      status: 409,
      body: { code: 'already_terminated' },
    });
  });

  test('needs a reason, and takes no other field', async () => {
    const { id } = await create();
    const url = `/v1/tenants/${id}/terminate`;
    expect(await app.call('POST', url, { body: {} })).toMatchObject({ status: 400, body: { field: 'reason' } });
    expect(await app.call('POST', url, { body: { reason: 'a\u0000b' } })).toMatchObject({
      status: 400,
      body: { field: 'reason' },
    });
    expect(await app.call('POST', url, { body: { ...body, force: true } })).toMatchObject({
      status: 400,
      body: { field: 'force' },
    });
    expect(await app.call('POST', url, { body: { ...body, data_retention_days: -1 } })).toMatchObject({
      status: 400,
      body: { field: 'data_retention_days' },
    });
  });

  test('holds If-Match against the last decided event, which facts do not move', async () => {
    const { id, request } = await create();
    await facts.say(id, factsOf(request).started);
    const url = `/v1/tenants/${id}/terminate`;
    const given = (ifMatch: string) => app.call('POST', url, { body, headers: { 'if-match': ifMatch } });
    expect(await given('"7"')).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect(await given('0')).toMatchObject({ status: 400, body: { field: 'if-match' } });
    expect(await given('"0"')).toMatchObject({ status: 202 });
    const other = await create();
    expect(await app.call('POST', `/v1/tenants/${other.id}/terminate`, { body, headers: { 'if-match': '*' } })).toMatchObject({
      status: 202,
    });
  });
});

describe('who may change', () => {
  test('operators only', async () => {
    const { id } = await create();
    const status = async (action: string, token: string | null) =>
      (await app.call('POST', `/v1/tenants/${id}/${action}`, { token, body: { reason: 'x' } })).status;
    for (const action of ['retry', 'terminate']) {
      expect(await Promise.all(['auditor', 'creator', 'nobody', null].map((token) => status(action, token)))).toEqual([
        403, 403, 403, 401,
      ]);
    }
  });
});

describe('the list', () => {
  test('comes page by page in the order of ids, narrowed by status and tier, without passwords', async () => {
    const states = [];
    for (const [id, tier] of [
      ['l-1', 'small'],
      ['l-2', 'standard'],
      ['l-3', 'small'],
      ['l-4', 'small'],
    ] as const) {
      await app.call('POST', '/v1/tenants', {
        body: { tenant_id: `list-${id}`, tenant_name: id, tier, owner_email: 'a@b.example' },
      });
      const { events } = await store.readStream(streamOf(`list-${id}`));
      states.push(events.map((stored) => tenantCodec.decode(stored)).reduce(tenantDecider.evolve, tenantDecider.initialState()));
    }
    await writeTenants(
      app.pool,
      states.flatMap((state) => (state.status === 'none' ? [] : [toReadModelRow(state)])),
      null,
    );
    const ids = (body: { tenants: { tenant_id: string }[] }) => body.tenants.map((tenant) => tenant.tenant_id);
    const first = await app.call('GET', '/v1/tenants?limit=3', { token: 'auditor' });
    expect(ids(first.body)).toEqual(['list-l-1', 'list-l-2', 'list-l-3']);
    const second = await app.call('GET', `/v1/tenants?limit=3&cursor=${first.body.next_cursor}`);
    expect(ids(second.body)).toEqual(['list-l-4']);
    expect(second.body.next_cursor).toBeNull();
    expect(ids((await app.call('GET', '/v1/tenants?tier=small&status=provisioning')).body)).toEqual([
      'list-l-1',
      'list-l-3',
      'list-l-4',
    ]);
    expect(ids((await app.call('GET', '/v1/tenants?status=active')).body)).toEqual([]);
    expect(first.text).not.toContain('password');
    const one = (await app.call('GET', '/v1/tenants/list-l-1')).body;
    // The columns of the read model, and no more.
    expect(first.body.tenants[0]).toEqual(Object.fromEntries(SHOWN.map((column) => [column, one[column]])));
  });

  test('refuses filters that it does not know', async () => {
    for (const [query, field] of [
      ['tier=gold', 'tier'],
      ['status=lost', 'status'],
      ['colour=blue', 'colour'],
      ['limit=0', 'limit'],
      ['cursor=%C3', 'cursor'],
    ]) {
      expect(await app.call('GET', `/v1/tenants?${query}`)).toMatchObject({ status: 400, body: { field } });
    }
  });

  test('is for operators and auditors', async () => {
    const status = async (token: string | null) => (await app.call('GET', '/v1/tenants', { token })).status;
    expect(await Promise.all(['auditor', 'creator', 'nobody', null].map(status))).toEqual([200, 403, 403, 401]);
  });
});

test('the API describes itself in OpenAPI 3.1', async () => {
  const { body } = await app.call('GET', '/openapi.json', { token: null });
  expect(body.openapi).toBe('3.1.0');
  expect(Object.keys(body.paths).sort()).toEqual([
    '/v1/rollouts',
    '/v1/rollouts/{rollout_id}',
    '/v1/rollouts/{rollout_id}/resume',
    '/v1/rollouts/{rollout_id}/stop',
    '/v1/rollouts/{rollout_id}/tenants',
    '/v1/tenants',
    '/v1/tenants/{tenant_id}',
    '/v1/tenants/{tenant_id}/config',
    '/v1/tenants/{tenant_id}/events',
    '/v1/tenants/{tenant_id}/grants',
    '/v1/tenants/{tenant_id}/grants/{user_id}',
    '/v1/tenants/{tenant_id}/legal-hold',
    '/v1/tenants/{tenant_id}/legal-hold/release',
    '/v1/tenants/{tenant_id}/migrate',
    '/v1/tenants/{tenant_id}/migrate/cancel',
    '/v1/tenants/{tenant_id}/pool',
    '/v1/tenants/{tenant_id}/purge',
    '/v1/tenants/{tenant_id}/reactivate',
    '/v1/tenants/{tenant_id}/replica',
    '/v1/tenants/{tenant_id}/retry',
    '/v1/tenants/{tenant_id}/rotate',
    '/v1/tenants/{tenant_id}/scale',
    '/v1/tenants/{tenant_id}/suspend',
    '/v1/tenants/{tenant_id}/terminate',
  ]);
});
