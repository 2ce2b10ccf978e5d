import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../src/api.ts';
import { faultsOf, publicationFaults } from '../src/convergence.ts';
import { loginOf, type Tier, withClient } from '../src/homes.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';

let platform: Platform;
let api: Api;

beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  api = platform.api();
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Creates a tenant and waits until it is active. */
async function onboard(tier: Tier): Promise<string> {
  const id = freshId(tier);
  const created = await api.create({ tenant_id: id, tier });
  expect(created.status, created.text).toBe(202);
  await api.untilStatus(id);
  return id;
}

describe('a tenant that was created through HTTP', () => {
  test.for([
    { id: 'enterprise-001', tier: 'enterprise', database: 'ultracore_enterprise_001', schema: null },
    { id: 'standard-002', tier: 'standard', database: 'ultracore_shared', schema: 'tenant_standard_002' },
    { id: 'small-003', tier: 'small', database: 'ultracore_shared', schema: 'app' },
  ] as const)(
    '$id ($tier) becomes active in its own home, with nothing missing, doubled or left over',
    async ({ id, tier, database, schema }) => {
      const created = await api.create({ tenant_id: id, tier }, `seed-${id}`);
      expect(created.status, created.text).toBe(202);
      const tenant = await api.untilStatus(id);
      expect(tenant).toMatchObject({ tenant_id: id, tier, db_name: database, db_username: `uc_${id.replaceAll('-', '_')}` });
      if (tier !== 'small') expect(tenant['schema_name'] ?? null).toBe(schema);
      expect(await faultsOf(platform.stack, api, id, tier)).toEqual([]);
      expect(await publicationFaults(platform.stack, api, [id])).toEqual([]);
    },
  );

  test('is visible at its Location as soon as the answer is there', async () => {
    for (const tier of ['enterprise', 'standard', 'small']) {
      const created = await api.create({ tenant_id: freshId('seen'), tier });
      const seen = await api.request('GET', created.headers.get('location') ?? '');
      expect([seen.status, seen.body['tenant_id'], seen.headers.get('etag')]).toEqual([200, created.body['tenant_id'], '"0"']);
    }
  });

  test('can use its own home, and neither reach nor see into its neighbours', async () => {
    const tiers = ['enterprise', 'standard', 'small'] as const;
    const ids = await Promise.all([...tiers, ...tiers].map(onboard));
    const secret = `secret of ${randomUUID()}`;
    for (const id of ids) {
      const login = await loginOf(platform.stack, id);
      await withClient({ stack: platform.stack, ...login }, async (client) => {
        await client.query(`insert into clients (kind, given_name, family_name) values ('person', $1, 'Sample')`, [
          `${secret} ${id}`,
        ]);
        const { rows } = await client.query('select given_name from clients');
        expect(rows).toEqual([{ given_name: `${secret} ${id}` }]);
      });
      const reader = await loginOf(platform.stack, id, 'readonly');
      await withClient({ stack: platform.stack, ...reader }, async (client) => {
        expect((await client.query('select given_name from clients')).rows).toEqual([{ given_name: `${secret} ${id}` }]);
        await expect(
          client.query(`insert into clients (kind, given_name, family_name) values ('person', 'x', 'y')`),
        ).rejects.toMatchObject({
          code: '42501',
        });
        await client.query('set transaction read write').catch(() => {});
        await expect(client.query('delete from clients')).rejects.toMatchObject({ code: '42501' });
      });
    }
    for (const id of ids) {
      for (const other of ids.filter((each) => each !== id)) {
        for (const mode of ['readwrite', 'readonly'] as const) {
          const login = await loginOf(platform.stack, id, mode);
          const target = await loginOf(platform.stack, other);
          expect(
            await attempt(login, target.database, `set role ${target.user}; select 1`),
            `${login.user} → ${target.user}`,
          ).toMatch(/^(42501|42704)$/);
          const schema = `tenant_${other.replaceAll('-', '_')}`;
          const seen = await attempt(login, target.database, `select given_name from ${schema}.clients`);
          expect(seen, `${login.user} → ${schema}`).toMatch(/^(42501|42P01)$/);
          const rows = await attempt(login, login.database, `select given_name from clients where tenant_id = '${other}'`);
          expect(rows, `${login.user} → rows of ${other}`).toBe('0 rows');
        }
      }
    }
  });
});

/** The SQLSTATE that the last statement was refused with, or how many rows it gave. */
async function attempt(
  login: { user: string; password: string; database: string },
  database: string,
  sql: string,
): Promise<string> {
  try {
    return await withClient({ stack: platform.stack, ...login, database }, async (client) => {
      const result = (await client.query(sql)) as unknown as { rows: unknown[] } | { rows: unknown[] }[];
      return `${[result].flat().at(-1)?.rows.length} rows`;
    });
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

describe('a repeated request', () => {
  test('20 in parallel under one Idempotency-Key make one tenant and one set of events', async () => {
    const id = freshId('same');
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.create({ tenant_id: id, tier: 'standard' }, key)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.headers.get('location')))).toEqual(new Set([`/v1/tenants/${id}`]));
    expect(await faultsOf(platform.stack, api, id, 'standard')).toEqual([]);
  });

  test('without an id gives the same derived id each time', async () => {
    const key = randomUUID();
    const [first, second] = [await api.create({}, key), await api.create({}, key)];
    expect(first.status, first.text).toBe(202);
    expect(second.body['tenant_id']).toBe(first.body['tenant_id']);
    expect(await faultsOf(platform.stack, api, String(first.body['tenant_id']), 'small')).toEqual([]);
  });

  test('with another body under the same key is refused with 422, an existing id with 409', async () => {
    const id = freshId('twice');
    const key = randomUUID();
    await api.create({ tenant_id: id }, key);
    const changed = await api.create({ tenant_id: id, tenant_name: 'Another' }, key);
    expect([changed.status, changed.body['code']]).toEqual([422, 'idempotency_key_reused']);
    const taken = await api.create({ tenant_id: id });
    expect([taken.status, taken.body['code'], taken.body['field']]).toEqual([409, 'tenant_exists', 'tenant_id']);
    await api.untilStatus(id);
  });
});

describe('who may create', () => {
  test('a creator creates tenants that its own address owns, and no others', async () => {
    const creator = platform.api('creator');
    const own = await creator.create({ tenant_id: freshId('own'), owner_email: 'creator@ultracore.local' });
    expect(own.status, own.text).toBe(202);
    const foreign = await creator.create({ tenant_id: freshId('foreign'), owner_email: 'somebody@else.example' });
    expect([foreign.status, foreign.body['field']]).toEqual([403, 'owner_email']);
    await api.untilStatus(String(own.body['tenant_id']));
  });

  test('an auditor reads and creates nothing; nobody without a token does either', async () => {
    const refused = await platform.api('auditor').create({ tenant_id: freshId('audit') });
    expect(refused.status).toBe(403);
    const nobody = await api.request('GET', '/v1/tenants', { headers: { authorization: '' } });
    expect(nobody.status).toBe(401);
    expect((await platform.api('auditor').request('GET', '/v1/tenants')).status).toBe(200);
  });
});

describe('bad input', () => {
  const good = { tenant_id: 'never-made', tenant_name: 'Never made', tier: 'small', owner_email: 'ops@sample.example' };
  const bad: [string, unknown, string][] = [
    ['an id that is too long', { ...good, tenant_id: `a${'b'.repeat(50)}` }, 'tenant_id'],
    ['an upper-case id', { ...good, tenant_id: 'Never-Made' }, 'tenant_id'],
    ['an empty id', { ...good, tenant_id: '' }, 'tenant_id'],
    ['an id with _', { ...good, tenant_id: 'never_made' }, 'tenant_id'],
    ['an id with quotes', { ...good, tenant_id: `never"made'` }, 'tenant_id'],
    ['an id with NUL', { ...good, tenant_id: 'never\u0000made' }, 'tenant_id'],
    ['an id with --', { ...good, tenant_id: 'never--made' }, 'tenant_id'],
    ['the reserved id shared', { ...good, tenant_id: 'shared' }, 'tenant_id'],
    ['the reserved id tenants', { ...good, tenant_id: 'tenants' }, 'tenant_id'],
    ['the reserved id analytics', { ...good, tenant_id: 'analytics' }, 'tenant_id'],
    ['the reserved id template', { ...good, tenant_id: 'template' }, 'tenant_id'],
    ['a name with an emoji', { ...good, tenant_name: 'Never 🏦' }, 'tenant_name'],
    ['a name of 256 characters', { ...good, tenant_name: 'n'.repeat(256) }, 'tenant_name'],
    ['a name with NUL', { ...good, tenant_name: 'a\u0000b' }, 'tenant_name'],
    ['no name', { ...good, tenant_name: undefined }, 'tenant_name'],
    ['an unknown tier', { ...good, tier: 'platinum' }, 'tier'],
    ['a malformed email', { ...good, owner_email: 'not an address' }, 'owner_email'],
    ['an unknown field', { ...good, password: 'x' }, 'password'],
    ['broken JSON', '{"tenant_id": "never-made",', 'body'],
    ['no body', '', 'body'],
    ['an array', [good], 'body'],
    ['a body of 10 MB', { ...good, tenant_name: 'n'.repeat(10_000_000) }, 'body'],
  ];

  test.for(bad)('%s is refused with a problem that names the field', async ([, body, field]) => {
    const answer = await api.request('POST', '/v1/tenants', { body, headers: { 'idempotency-key': randomUUID() } });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const named = [
      answer.body['field'],
      ...((answer.body['errors'] as { field: string }[] | undefined) ?? []).map((each) => each.field),
    ];
    expect(named, answer.text).toContain(field);
  });

  test('stored and created nothing', async () => {
    expect((await api.get('never-made')).status).toBe(404);
    const found = await withClient({ stack: platform.stack, database: 'ultracore_tenants' }, async (client) => {
      const { rows } = await client.query<{ found: string }>(
        `select tenant_id as found from tenant_configs where tenant_id ~* 'never|^shared$|^tenants$|^analytics$|^template$'
         union all select rolname from pg_roles where rolname ~* 'never'`,
      );
      return rows.map((row) => row.found);
    });
    expect(found).toEqual([]);
  });
});
