import { createInMemoryEventStore, type EventStore } from '@ultracore/event-sourcing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../app.ts';
import { factsOf } from '../tenant/examples.ts';
import { createFacts } from './facts-of-worker.ts';

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

/** The path of a new tenant on server a, active unless said otherwise. */
async function tenant({ active = true } = {}): Promise<{ id: string; path: string }> {
  next += 1;
  const id = `whole-${next}`;
  const body = { tenant_id: id, tenant_name: 'Sample', tier: 'standard', owner_email: 'ada@firm.example', server: 'a' };
  const created = await app.call('POST', '/v1/tenants', { body, headers: { 'idempotency-key': `first-${id}` } });
  if (active) await facts.activate(id, created.body.provisioning.request_id);
  return { id, path: `/v1/tenants/${id}` };
}
const post = (url: string, body: unknown = {}, headers: Record<string, string> = {}) => app.call('POST', url, { body, headers });
const put = (url: string, body: unknown) => app.call('PUT', url, { body });
const types = async (path: string): Promise<string[]> =>
  (await app.call('GET', `${path}/events`)).body.events.map((event: { type: string }) => event.type);
const because = { reason: 'because' };

describe('suspending', () => {
  test('and reactivating say who and why, and the tenant is as before', async () => {
    const { path } = await tenant();
    expect(await post(`${path}/suspend`, because)).toMatchObject({ status: 202, body: { status: 'suspended' } });
    const again = await post(`${path}/suspend`, because);
    expect(again).toMatchObject({ status: 409, body: { code: 'already_suspended' } });
    expect(await post(`${path}/reactivate`)).toMatchObject({
      status: 202,
      body: { status: 'active', suspended_at: null, migration_version: '0003' },
    });
    expect(await post(`${path}/reactivate`)).toMatchObject({ status: 409, body: { code: 'not_suspended' } });
    const { events } = (await app.call('GET', `${path}/events`)).body;
    expect(events.slice(-2)).toMatchObject([
      { type: 'TenantSuspendedEvent', actor: 'op-1', data: { reason: 'because', suspended_by: 'op-1' } },
      { type: 'TenantReactivatedEvent', data: { reactivated_by: 'op-1' } },
    ]);
  });

  test('is refused while a tenant is not active, and to everybody but operators', async () => {
    const { path } = await tenant({ active: false });
    expect(await post(`${path}/suspend`, because)).toMatchObject({ status: 409, body: { code: 'not_active' } });
    const refused = await app.call('POST', `${path}/suspend`, { body: because, token: 'auditor' });
    expect(refused).toMatchObject({ status: 403, body: { code: 'role_missing' } });
    expect(await post('/v1/tenants/no-such/suspend', because)).toMatchObject({ status: 404, body: { code: 'tenant_not_found' } });
    expect(await post(`${path}/suspend`, {})).toMatchObject({ status: 400, body: { field: 'reason' } });
  });
});

describe('an Idempotency-Key', () => {
  test('makes a repeated command one, and another command under it is refused', async () => {
    const { path } = await tenant();
    const key = { 'idempotency-key': `key-${path}` };
    for (let n = 0; n < 2; n += 1) expect(await post(`${path}/rotate`, because, key)).toMatchObject({ status: 202 });
    expect((await types(path)).filter((type) => type === 'TenantPasswordRotationRequestedEvent')).toHaveLength(1);
    expect(await post(`${path}/rotate`, { reason: 'another' }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  test('that has been forgotten says nothing of another command', async () => {
    const { path } = await tenant();
    const key = { 'idempotency-key': `old-${path}` };
    const scale = (limit: number) => post(`${path}/scale`, { resource_type: 'memory', new_limit: limit, ...because }, key);
    expect(await scale(4096)).toMatchObject({ status: 202, body: { max_memory_mb: 4096 } });
    await app.pool.query('delete from idempotency_keys where key = $1', [key['idempotency-key']]);
    expect(await scale(1024)).toMatchObject({ status: 202, body: { max_memory_mb: 1024 } });
  });
});

describe('from termination to purge', () => {
  test('data is kept until its time, held while it must be, purged once confirmed, and the id can live again', async () => {
    const { id, path } = await tenant();
    const terminated = await post(`${path}/terminate`, { ...because, data_retention_days: 10 });
    expect(terminated).toMatchObject({ status: 202, body: { status: 'terminated', db_username: 'uc_standard_002' } });
    const { terminated_at: from, purge_after: to } = terminated.body;
    expect(Date.parse(to) - Date.parse(from)).toBe(10 * 24 * 3_600_000);

    const purge = { ...because, confirm: id };
    expect(await post(`${path}/purge`, purge)).toMatchObject({ status: 409, body: { code: 'purge_not_due' } });
    const early = { ...purge, before_retention_ends: true };
    expect(await post(`${path}/purge`, { ...early, confirm: 'another' })).toMatchObject({
      status: 422,
      body: { code: 'purge_not_confirmed', field: 'confirm' },
    });
    expect(await put(`${path}/legal-hold`, because)).toMatchObject({ status: 202, body: { legal_hold: true } });
    expect(await post(`${path}/purge`, early)).toMatchObject({ status: 409, body: { code: 'legal_hold' } });
    expect(await post(`${path}/legal-hold/release`, because)).toMatchObject({ status: 202, body: { legal_hold: false } });

    const asked = await post(`${path}/purge`, early);
    expect(asked).toMatchObject({ status: 202, body: { requests: { purge: { outcome: 'open' } } } });
    expect(await put(`${path}/legal-hold`, because)).toMatchObject({ status: 409, body: { code: 'purge_open' } });
    await facts.say(id, factsOf(asked.body.requests.purge.request_id).purged);
    const purged = (await app.call('GET', path)).body;
    expect(purged).toMatchObject({
      status: 'purged',
      db_name: null,
      db_username: null,
      requests: { purge: { outcome: 'done' } },
    });

    const body = { tenant_id: id, tenant_name: 'Sample', tier: 'standard', owner_email: 'ada@firm.example' };
    // A repetition of the first life's request that comes late brings nobody back.
    const late = await post('/v1/tenants', { ...body, server: 'a' }, { 'idempotency-key': `first-${id}` });
    expect(late).toMatchObject({ status: 202, body: { status: 'purged', life: 1 } });
    expect(await post('/v1/tenants', body)).toMatchObject({
      status: 202,
      body: { status: 'provisioning', life: 2, requests: { purge: null } },
    });
    expect((await types(path)).filter((type) => type === 'TenantCreatedEvent')).toHaveLength(2);
  });
});

describe('settings', () => {
  test('are changed all or none, and each change is an event of its own', async () => {
    const { path } = await tenant();
    const patch = (body: unknown) => app.call('PATCH', `${path}/config`, { body });
    expect(await patch({ timezone: 'Europe/Zurich', auto_scale: true })).toMatchObject({
      status: 202,
      body: { timezone: 'Europe/Zurich', auto_scale: true, locale: 'en_US' },
    });
    expect((await types(path)).slice(-2)).toEqual(['TenantConfigUpdatedEvent', 'TenantConfigUpdatedEvent']);
    expect(await patch({ auto_scale: true })).toMatchObject({ status: 409, body: { code: 'unchanged' } });
    expect(await patch({ timezone: 'Mars/Olympus' })).toMatchObject({ status: 400, body: { field: 'timezone' } });
    expect(await patch({ colour: 'red' })).toMatchObject({ status: 400 });
    expect(await patch({})).toMatchObject({ status: 400 });
    expect(await patch({ max_connections: 3 })).toMatchObject({ status: 400 });
    expect(await patch({ max_cpu_percent: 72.55 })).toMatchObject({ status: 202, body: { max_cpu_percent: 72.55 } });
    expect(await patch({ max_cpu_percent: 72.555 })).toMatchObject({ status: 400, body: { field: 'max_cpu_percent' } });
  });

  test('of the pool keep within its server', async () => {
    const { path } = await tenant();
    const size = { min_connections: 2, max_connections: 30, ...because };
    expect(await put(`${path}/pool`, size)).toMatchObject({ status: 202, body: { min_connections: 2, max_connections: 30 } });
    expect(await put(`${path}/pool`, size)).toMatchObject({ status: 409, body: { code: 'unchanged' } });
    expect(await put(`${path}/pool`, { ...size, min_connections: 31 })).toMatchObject({
      status: 422,
      body: { code: 'min_over_max', field: 'min_connections' },
    });
    expect(await put(`${path}/pool`, { ...size, max_connections: 101 })).toMatchObject({
      status: 422,
      body: { code: 'over_server_budget', field: 'max_connections' },
    });
  });

  test('scale up and down within the bounds of their resource', async () => {
    const { path } = await tenant();
    const scale = (resource: string, limit: number) =>
      post(`${path}/scale`, { resource_type: resource, new_limit: limit, ...because });
    expect(await scale('memory', 4096)).toMatchObject({ status: 202, body: { max_memory_mb: 4096 } });
    expect(await scale('queries', 10)).toMatchObject({ status: 202, body: { max_concurrent_queries: 10 } });
    expect((await types(path)).slice(-2)).toEqual(['TenantScaledUpEvent', 'TenantScaledDownEvent']);
    expect(await scale('cpu', 101)).toMatchObject({ status: 400, body: { field: 'new_limit' } });
    expect(await scale('memory', 1024.001)).toMatchObject({ status: 400, body: { field: 'new_limit' } });
    expect(await scale('queries', 1.5)).toMatchObject({ status: 400, body: { field: 'new_limit' } });
    expect(await scale('connections', 1)).toMatchObject({ status: 422, body: { code: 'min_over_max' } });
  });
});

describe('access', () => {
  test('is given, changed, listed and taken away, by user', async () => {
    const { path } = await tenant();
    const user = `${path}/grants/${encodeURIComponent('eve@firm.example')}`;
    expect(await put(user, { role: 'analyst' })).toMatchObject({ status: 202 });
    expect(await put(user, { role: 'analyst' })).toMatchObject({ status: 409, body: { code: 'already_granted' } });
    expect(await put(user, { role: 'developer' })).toMatchObject({ status: 202 });
    expect(await put(user, { role: 'emperor' })).toMatchObject({ status: 400, body: { field: 'role' } });
    expect((await app.call('GET', `${path}/grants`)).body).toEqual({
      grants: [{ user_id: 'eve@firm.example', role: 'developer' }],
    });
    expect(await app.call('DELETE', user)).toMatchObject({ status: 202 });
    expect(await app.call('DELETE', user)).toMatchObject({ status: 404, body: { code: 'not_granted' } });
    expect((await app.call('GET', `${path}/grants`)).body).toEqual({ grants: [] });
  });
});

test('a migration that is open is waited for until it is cancelled', async () => {
  const { path } = await tenant();
  expect(await post(`${path}/migrate/cancel`, because)).toMatchObject({ status: 409, body: { code: 'no_migration_open' } });
  await post(`${path}/migrate`, { target_version: '0004' });
  const cancelled = await post(`${path}/migrate/cancel`, because, { 'idempotency-key': 'cancel' });
  expect(cancelled).toMatchObject({ status: 202, body: { requests: { migrate: { outcome: 'cancelled' } } } });
  expect((await types(path)).at(-1)).toBe('TenantMigrationCancelledEvent');
  expect((await post(`${path}/migrate`, { target_version: '0004' })).status).toBe(202);
  // The same request once more, which the migration that is open by now is none of.
  expect(await post(`${path}/migrate/cancel`, because, { 'idempotency-key': 'cancel' })).toMatchObject({
    status: 202,
    body: { requests: { migrate: { outcome: 'open' } } },
  });
});

describe('a read replica', () => {
  const standby = { readonly_db_host: 'pg-a2', readonly_db_port: 5432 };

  test('is used once the worker has verified it, and no more when it is removed', async () => {
    const { id, path } = await tenant();
    const asked = await put(`${path}/replica`, standby);
    expect(asked).toMatchObject({ status: 202, body: { readonly_db_host: null } });
    expect(await put(`${path}/replica`, standby)).toMatchObject({ status: 409, body: { code: 'replica_open' } });
    const { verified } = factsOf(asked.body.requests.verify_replica.request_id);
    await facts.say(id, { ...verified, data: { ...verified.data, host: 'pg-a2', port: 5432 } });
    expect((await app.call('GET', path)).body).toMatchObject({ ...standby, requests: { verify_replica: { outcome: 'done' } } });
    expect((await types(path)).slice(-2)).toEqual(['TenantReadReplicaVerifiedEvent', 'TenantReadReplicaAddedEvent']);
    expect(await put(`${path}/replica`, standby)).toMatchObject({ status: 409, body: { code: 'replica_exists' } });
    expect(await app.call('DELETE', `${path}/replica`)).toMatchObject({ status: 202, body: { readonly_db_host: null } });
    expect(await app.call('DELETE', `${path}/replica`)).toMatchObject({ status: 409, body: { code: 'no_replica' } });
  });

  test('is none but a standby of the tenant’s own server', async () => {
    const { path } = await tenant();
    expect(await put(`${path}/replica`, { ...standby, readonly_db_host: 'evil.example' })).toMatchObject({
      status: 422,
      body: { code: 'unknown_standby' },
    });
  });
});
