import { createInMemoryEventStore } from '@ultracore/event-sourcing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { streamOf } from '../../src/tenant/codec.ts';
import { servers, startApp, type TestApp } from '../app.ts';

let app: TestApp;
let next = 0;
const aTenant = (more: object = {}) => {
  next += 1;
  return { tenant_id: `firm-${next}`, tenant_name: `Firm ${next}`, tier: 'standard', owner_email: 'owner@firm.example', ...more };
};
const eventsOf = async (tenantId: string) => (await app.store.readStream(streamOf(tenantId))).events;

beforeAll(async () => {
  app = await startApp(createInMemoryEventStore());
});
afterAll(() => app[Symbol.asyncDispose]());

describe('creating a tenant', () => {
  test('is accepted, with a Location where it is visible at once', async () => {
    const body = aTenant();
    const created = await app.call('POST', '/v1/tenants', { body });
    expect(created.status).toBe(202);
    expect(created.headers).toMatchObject({ location: `/v1/tenants/${body.tenant_id}`, etag: '"0"' });
    const seen = await app.call('GET', `/v1/tenants/${body.tenant_id}`);
    expect(seen.status).toBe(200);
    expect(seen.body).toEqual(created.body);
    expect(seen.headers['etag']).toBe('"0"');
  });

  test('resolves every setting: the caller’s, else the deployment’s, else the tier’s', async () => {
    const { body } = await app.call('POST', '/v1/tenants', {
      body: aTenant({ tier: 'enterprise', max_connections: 60, timezone: 'Europe/Zurich' }),
    });
    expect(body).toMatchObject({
      status: 'provisioning',
      min_connections: 10,
      max_connections: 60,
      max_storage_gb: 250,
      max_cpu_percent: 80,
      timezone: 'Europe/Zurich',
      locale: 'en_US',
      created_by: 'op@ultracore.test',
      db_name: null,
      provisioning: { attempt: 1, outcome: 'open' },
    });
  });

  test('a maximum below the tier’s minimum lowers the minimum too, unless it was asked for', async () => {
    const lowered = await app.call('POST', '/v1/tenants', { body: aTenant({ max_connections: 3 }) });
    expect(lowered.body).toMatchObject({ min_connections: 3, max_connections: 3 });
    const refused = await app.call('POST', '/v1/tenants', { body: aTenant({ min_connections: 4, max_connections: 3 }) });
    expect(refused).toMatchObject({ status: 422, body: { code: 'min_over_max', field: 'min_connections' } });
  });

  test('is placed on a server of the list, the one asked for if any, within its budget', async () => {
    const asked = await app.call('POST', '/v1/tenants', { body: aTenant({ server: 'b' }) });
    expect(asked.body).toMatchObject({ db_host: 'pg-b', db_port: 5433 });
    const unknown = await app.call('POST', '/v1/tenants', { body: aTenant({ server: 'c' }) });
    expect(unknown).toMatchObject({ status: 422, body: { code: 'unknown_server', field: 'server' } });
    const over = await app.call('POST', '/v1/tenants', { body: aTenant({ server: 'a', max_connections: 101 }) });
    expect(over).toMatchObject({ status: 422, body: { code: 'over_server_budget', field: 'max_connections' } });
  });

  test('an id that is taken is a conflict', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body });
    const again = await app.call('POST', '/v1/tenants', { body });
    expect(again).toMatchObject({ status: 409, body: { code: 'tenant_exists', field: 'tenant_id' } });
    expect(await eventsOf(body.tenant_id)).toHaveLength(1);
  });

  test('a tenant_id may be left out', async () => {
    const { tenant_id: _, ...body } = aTenant();
    const [one, other] = [await app.call('POST', '/v1/tenants', { body }), await app.call('POST', '/v1/tenants', { body })];
    expect([one.status, other.status]).toEqual([202, 202]);
    expect(one.body.tenant_id).toMatch(/^t-[0-9a-f]{20}$/);
    expect(one.body.tenant_id).not.toBe(other.body.tenant_id);
  });

  test('the history begins with who, through which call, and why', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body, headers: { 'x-correlation-id': 'call-7' } });
    const [event] = await eventsOf(body.tenant_id);
    expect(event?.metadata).toMatchObject({ actor: 'op-1', correlationId: 'call-7' });
    expect(event?.metadata.traceparent).toMatch(/^00-[0-9a-f]{32}-/);
  });
});

describe('an Idempotency-Key', () => {
  const keyed = (key: string) => ({ 'idempotency-key': key });

  test('twenty requests in parallel through two registries are one tenant with one set of events, and one answer', async () => {
    const sibling = await app.sibling();
    const { tenant_id: _, ...body } = aTenant();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (__, n) =>
        app.call('POST', '/v1/tenants', { body, headers: keyed('twenty'), server: n % 2 === 0 ? app.server : sibling }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.headers['location'])).size).toBe(1);
    expect(await eventsOf(answers[0]?.body.tenant_id)).toHaveLength(1);
  });

  test('is understood again after a restart', async () => {
    const body = aTenant();
    const first = await app.call('POST', '/v1/tenants', { body, headers: keyed('restart') });
    const again = await app.call('POST', '/v1/tenants', { body, headers: keyed('restart'), server: await app.sibling() });
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
  });

  test('is understood again where its server is not in the list any more', async () => {
    const body = aTenant({ server: 'b' });
    const first = await app.call('POST', '/v1/tenants', { body, headers: keyed('removed') });
    const sibling = await app.sibling(servers.filter(({ name }) => name !== 'b'));
    const again = await app.call('POST', '/v1/tenants', { body, headers: keyed('removed'), server: sibling });
    expect([again.status, again.body]).toEqual([202, first.body]);
    const other = await app.call('POST', '/v1/tenants', {
      body: aTenant({ server: 'b' }),
      headers: keyed('new'),
      server: sibling,
    });
    expect(other.status).toBe(422);
  });

  test('with a different body is refused, and creates nothing', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body, headers: keyed('reused') });
    for (const other of [
      { ...body, tenant_name: 'Other' },
      { ...body, tenant_id: 'other-firm' },
      { ...body, max_connections: 7 },
    ]) {
      const answer = await app.call('POST', '/v1/tenants', { body: other, headers: keyed('reused') });
      expect(answer).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused', field: 'idempotency-key' } });
    }
    expect(await eventsOf('other-firm')).toHaveLength(0);
  });

  test('does not depend on the order of fields, nor on their spelling out what is the same', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body, headers: keyed('order') });
    const turned = Object.fromEntries(Object.entries(body).reverse());
    expect((await app.call('POST', '/v1/tenants', { body: turned, headers: keyed('order') })).status).toBe(202);
  });

  test('belongs to its caller', async () => {
    const mine = { ...aTenant(), owner_email: 'ada@firm.example' };
    const theirs = { ...aTenant(), owner_email: 'eve@elsewhere.example' };
    expect((await app.call('POST', '/v1/tenants', { token: 'creator', body: mine, headers: keyed('same') })).status).toBe(202);
    expect((await app.call('POST', '/v1/tenants', { token: 'stranger', body: theirs, headers: keyed('same') })).status).toBe(202);
  });

  test('of a request that was refused does not hold the id: the same request succeeds once it can', async () => {
    const { tenant_id: tenantId, ...body } = aTenant();
    await app.call('POST', '/v1/tenants', { body: { ...body, tenant_id: tenantId } });
    const taken = await app.call('POST', '/v1/tenants', { body: { ...body, tenant_id: tenantId }, headers: keyed('taken') });
    expect(taken.status).toBe(409);
    expect(
      (await app.call('POST', '/v1/tenants', { body: { ...body, tenant_id: tenantId }, headers: keyed('taken') })).status,
    ).toBe(409);
  });

  test('is forgotten after a day', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body, headers: keyed('old') });
    await app.pool.query("update idempotency_keys set created_at = now() - interval '25 hours' where key = 'old'");
    const other = aTenant();
    expect((await app.call('POST', '/v1/tenants', { body: other, headers: keyed('old') })).status).toBe(202);
    expect(await eventsOf(other.tenant_id)).toHaveLength(1);
    // The id of its first event is that of the request for a home, of which the worker takes each once.
    expect((await eventsOf(other.tenant_id))[0]?.id).not.toBe((await eventsOf(body.tenant_id))[0]?.id);
  });

  test('once forgotten, is no repetition when the body is another, also where the key stands for the id', async () => {
    const { tenant_id: _, ...body } = aTenant();
    const first = await app.call('POST', '/v1/tenants', { body, headers: keyed('cleaned') });
    await app.pool.query("delete from idempotency_keys where key = 'cleaned'");
    const other = await app.call('POST', '/v1/tenants', { body: { ...body, tenant_name: 'Other' }, headers: keyed('cleaned') });
    expect(other.status).toBe(202);
    expect(other.body.tenant_id).not.toBe(first.body.tenant_id);
    expect(await eventsOf(other.body.tenant_id)).toHaveLength(1);
  });

  test('once forgotten, does not give a taken id to another body', async () => {
    const body = aTenant();
    await app.call('POST', '/v1/tenants', { body, headers: keyed('taken later') });
    await app.pool.query("delete from idempotency_keys where key = 'taken later'");
    const other = { ...body, tenant_name: 'Other' };
    const answer = await app.call('POST', '/v1/tenants', { body: other, headers: keyed('taken later') });
    expect(answer).toMatchObject({ status: 409, body: { code: 'tenant_exists' } });
  });
});

describe('a request that is not valid names the field, and stores nothing', () => {
  const stored = async () => {
    const result = await app.pool.query<{ count: number }>('select count(*)::int as count from idempotency_keys');
    return result.rows[0]?.count;
  };

  const BAD_IDS = {
    'too long': `a${'b'.repeat(50)}`,
    'too short': 'ab',
    'upper case': 'Firm-1',
    empty: '',
    'with _': 'firm_1',
    'with a quote': "firm'1",
    'with a double quote': 'firm"1',
    'with NUL': 'firm\u00001',
    'with --': 'firm--1',
    'ending in -': 'firm-',
    'beginning with a digit': '1firm',
    reserved: 'shared',
    'reserved too': 'tenants',
    'not a string': 7,
    'a line break at the end': 'firm-1\n',
  };
  test.each(Object.entries(BAD_IDS))('tenant_id %s', async (_, tenantId) => {
    const answer = await app.call('POST', '/v1/tenants', { body: { ...aTenant(), tenant_id: tenantId } });
    expect(answer).toMatchObject({ status: 400, body: { field: 'tenant_id' } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  const BAD_FIELDS: Readonly<Record<string, [field: string, more: object]>> = {
    'an emoji in the name': ['tenant_name', { tenant_name: 'Firm 🚀' }],
    'a name of 256 characters': ['tenant_name', { tenant_name: 'n'.repeat(256) }],
    'an empty name': ['tenant_name', { tenant_name: '' }],
    'a name with NUL': ['tenant_name', { tenant_name: 'a\u0000b' }],
    'a name with a line break': ['tenant_name', { tenant_name: 'a\nb' }],
    'no name': ['tenant_name', { tenant_name: undefined }],
    'an unknown tier': ['tier', { tier: 'gold' }],
    'a malformed e-mail': ['owner_email', { owner_email: 'not-an-address' }],
    'an unknown field': ['colour', { colour: 'blue' }],
    'a pool of -1': ['min_connections', { min_connections: -1 }],
    'a pool given as text': ['max_connections', { max_connections: '20' }],
    'a broken number': ['max_concurrent_queries', { max_concurrent_queries: 1.5 }],
    'an unknown time zone': ['timezone', { timezone: 'Mars/Olympus' }],
  };
  test.each(Object.entries(BAD_FIELDS))('%s', async (_, [field, more]) => {
    const body = aTenant(more);
    const answer = await app.call('POST', '/v1/tenants', { body });
    expect(answer).toMatchObject({ status: 400, body: { field } });
    expect(await eventsOf(body.tenant_id)).toHaveLength(0);
  });

  test('a name of 255 characters is fine, in any script', async () => {
    expect((await app.call('POST', '/v1/tenants', { body: aTenant({ tenant_name: 'ü'.repeat(255) }) })).status).toBe(202);
  });

  test('several mistakes are all named', async () => {
    const answer = await app.call('POST', '/v1/tenants', { body: { tenant_id: 'A', tier: 'gold', owner_email: 'x' } });
    const fields = answer.body.errors.map((error: { field: string }) => error.field);
    expect(fields.sort()).toEqual(['owner_email', 'tenant_id', 'tenant_name', 'tier']);
  });

  test('broken JSON, no body, another type, ten megabytes', async () => {
    const before = await stored();
    const headers = { 'idempotency-key': 'bad-bodies' };
    const post = (body: string, more: Record<string, string> = {}) =>
      app.call('POST', '/v1/tenants', { body, headers: { ...headers, ...more } });
    expect(await post('{"tenant_id": ')).toMatchObject({ status: 400, body: { code: 'json_invalid', field: 'body' } });
    expect(await post('')).toMatchObject({ status: 400, body: { code: 'body_missing' } });
    expect(await post('[]')).toMatchObject({ status: 400, body: { field: 'body' } });
    expect(await post('a=b', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    const large = await post(JSON.stringify({ ...aTenant(), tenant_name: 'n'.repeat(10_000_000) }));
    expect(large).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(large.headers['content-type']).toContain('application/problem+json');
    expect(await stored()).toBe(before);
  });

  test('a key that is no key', async () => {
    const answer = await app.call('POST', '/v1/tenants', { body: aTenant(), headers: { 'idempotency-key': ' ' } });
    expect(answer).toMatchObject({ status: 400, body: { field: 'idempotency-key' } });
  });
});

describe('who may create', () => {
  test('nobody without a token, nobody without a role for it', async () => {
    expect(await app.call('POST', '/v1/tenants', { token: null, body: aTenant() })).toMatchObject({ status: 401 });
    for (const token of ['auditor', 'nobody']) {
      expect(await app.call('POST', '/v1/tenants', { token, body: aTenant() })).toMatchObject({
        status: 403,
        body: { code: 'role_missing' },
      });
    }
  });

  test('a creator only what its own address owns, and only as itself', async () => {
    const own = aTenant({ owner_email: 'ada@firm.example' });
    const created = await app.call('POST', '/v1/tenants', { token: 'creator', body: own });
    expect(created).toMatchObject({ status: 202, body: { created_by: 'Ada@Firm.example' } });
    const foreign = await app.call('POST', '/v1/tenants', { token: 'creator', body: aTenant() });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'owner_not_caller', field: 'owner_email' } });
    const asOther = await app.call('POST', '/v1/tenants', {
      token: 'creator',
      body: aTenant({ owner_email: 'ada@firm.example', created_by: 'boss' }),
    });
    expect(asOther).toMatchObject({ status: 403, body: { code: 'creator_not_caller', field: 'created_by' } });
    const named = await app.call('POST', '/v1/tenants', { body: aTenant({ created_by: 'sales-desk' }) });
    expect(named).toMatchObject({ status: 202, body: { created_by: 'sales-desk' } });
  });
});
