import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActiveTenant } from './support/active-tenant.ts';
import { asTenant, objectsOf, wholeHome } from './support/homes.ts';
import { playRegistry, type Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const ADD_CLIENTS = `insert into clients (kind, family_name) select 'person', 'client ' || n from generate_series(1, 3) n`;
const rowsIn = async (tenantId: string): Promise<number> =>
  Number(
    (
      await server.query<{ count: string }>(
        'select count(*) from app.clients where tenant_id = $1',
        [tenantId],
        'ultracore_shared',
      )
    )[0]?.count,
  );

/** Suspends nothing and waits for nothing: the tenant is terminated, and its purge is asked for. */
async function purge(registry: Registry) {
  await registry.change({ status: 'terminated' });
  await registry.request('purge');
  return registry.settle('purge');
}

const credentialsOf = async (rig: Rig): Promise<number> =>
  (await rig.pool.query('select from worker.sealed_credential')).rowCount ?? -1;

describe.each(['enterprise', 'standard', 'small'] as const)('the purge of a %s tenant', (tier) => {
  it('removes home, roles, rows and credentials, tells each with what was counted, and leaves its neighbour alone', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `gone-${tier}`, tier);
    const neighbour = await createActiveTenant(rig, server, `stays-${tier}`, tier);
    for (const each of [registry, neighbour]) await asTenant(each.row(), rig.keyRing, ADD_CLIENTS);
    const fact = await purge(registry);
    expect(fact.type).toBe('TenantDataPurgedEvent');
    const tables = expect.any(Number) as number;
    const content = {
      enterprise: { kind: 'database', name: 'ultracore_gone_enterprise', counted: { tables, rows: 3, own_relations: 0 } },
      standard: { kind: 'schema', name: 'tenant_gone_standard', counted: { tables, rows: 3 } },
      small: { kind: 'rows', name: 'clients', counted: { rows: 3 } },
    };
    expect(fact.body['removed']).toEqual([
      content[tier],
      { kind: 'role', name: `uc_gone_${tier}`, counted: {} },
      { kind: 'role', name: `uc_gone_${tier}__ro`, counted: {} },
      { kind: 'credentials', name: 'bookkeeping', counted: { sealed: 1 } },
    ]);
    expect(await objectsOf(server, registry.tenantId)).toEqual([]);
    expect(await rowsIn(registry.tenantId)).toBe(0);
    expect(await credentialsOf(rig)).toBe(1);
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect(await objectsOf(server, neighbour.tenantId)).toEqual(wholeHome(neighbour.tenantId, tier));
    expect(await asTenant(neighbour.row(), rig.keyRing, 'select count(*)::int as clients from clients')).toEqual([
      { clients: 3 },
    ]);
  });

  it('lets the same id be created again, clean, with the next life seeing nothing of the one before', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `twice-${tier}`, tier);
    await asTenant(registry.row(), rig.keyRing, ADD_CLIENTS);
    const old = registry.row();
    await purge(registry);
    await registry.untilClosed();
    const none = { rotate: null, migrate: null, purge: null, verify_replica: null, provision: null };
    await registry.change({ life: 2, requests: none });
    await registry.create();
    expect(await registry.answer()).toBe('active');
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
    expect(await asTenant(registry.row(), rig.keyRing, 'select count(*)::int as clients from clients')).toEqual([{ clients: 0 }]);
    await expect(asTenant(old, rig.keyRing, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });
});

it('a tenant that never was active is purged too', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = playRegistry(rig.pool, server, 'never-firm', 'standard');
  await registry.create();
  await registry.cancel();
  const fact = await purge(registry);
  expect(fact.type).toBe('TenantDataPurgedEvent');
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['cancelled', 'done']);
});

it('what only looks like the tenant’s does not keep a purge from being done', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'like-a', 'standard');
  await server.query(`create role uc_like_a_x; comment on role uc_like_a_x is 'ultracore home of like-a'`);
  expect((await purge(registry)).type).toBe('TenantDataPurgedEvent');
  await server.query('drop role uc_like_a_x');
});

describe('a purge fails, and says what is left, where somebody planted', () => {
  it.each([
    {
      what: 'a row among those of small tenants',
      tenantId: 'left-row',
      tier: 'standard',
      database: 'ultracore_shared',
      plant: `insert into app.clients (tenant_id, kind, family_name) values ('left-row', 'person', 'planted')`,
      remove: `delete from app.clients where tenant_id = 'left-row'`,
      remaining: [{ kind: 'rows', name: 'clients', counted: { rows: 1 } }],
    },
    {
      what: 'a database of its name',
      tenantId: 'left-db',
      tier: 'small',
      database: 'postgres',
      plant: 'create database ultracore_left_db',
      remove: 'drop database ultracore_left_db',
      remaining: [{ kind: 'database', name: 'ultracore_left_db', counted: {} }],
    },
    {
      what: 'a schema of its name',
      tenantId: 'left-schema',
      tier: 'enterprise',
      database: 'ultracore_shared',
      plant: 'create schema tenant_left_schema',
      remove: 'drop schema tenant_left_schema',
      remaining: [{ kind: 'schema', name: 'tenant_left_schema', counted: {} }],
    },
    {
      what: 'a schema that says whose it is',
      tenantId: 'left-word',
      tier: 'small',
      database: 'ultracore_shared',
      plant: `create schema innocent; comment on schema innocent is 'ultracore home of left-word request 0b1a3c52-5d0e-4a53-9c3e-0f6d1d1b7f10'`,
      remove: 'drop schema innocent',
      remaining: [{ kind: 'schema', name: 'innocent', counted: {} }],
    },
    {
      what: 'an object that the tenant’s role owns where no home is',
      tenantId: 'left-owned',
      tier: 'standard',
      database: 'postgres',
      plant: 'create schema hidden authorization uc_left_owned',
      remove: 'drop schema hidden',
      remaining: expect.arrayContaining([{ kind: 'role', name: 'uc_left_owned', counted: {} }]) as unknown,
    },
    {
      what: 'a role that took the place of the tenant’s own',
      tenantId: 'left-role',
      tier: 'standard',
      database: 'postgres',
      plant: `comment on role uc_left_role__ro is 'taken over'`,
      remove: `comment on role uc_left_role__ro is null`,
      remaining: expect.arrayContaining([{ kind: 'role', name: 'uc_left_role__ro', counted: {} }]) as unknown,
    },
  ] as const)('$what', async ({ tenantId, tier, database, plant, remove, remaining }) => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, tenantId, tier);
    await server.query(plant, [], database);
    const fact = await purge(registry);
    expect(fact).toMatchObject({ type: 'TenantPurgeFailedEvent', body: { remaining } });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed']);
    await server.query(remove, [], database);
  });

  it('a table into which it could not see: it says so instead of counting none, and purges once it can see again', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, 'blind-firm', 'standard');
    await server.query('drop policy maintenance on app.clients', [], 'ultracore_shared');
    const fact = await purge(registry);
    expect(fact).toMatchObject({ type: 'TenantPurgeFailedEvent', body: { step: 'prove', code: 'blind', remaining: [] } });
    await server.query(
      'create policy maintenance on app.clients to ultracore_maint using (true) with check (true)',
      [],
      'ultracore_shared',
    );
    // Of which there is nothing any more: it went before the search failed.
    expect(await purge(registry)).toMatchObject({
      type: 'TenantDataPurgedEvent',
      body: {
        removed: [
          { kind: 'schema', name: 'tenant_blind_firm' },
          { kind: 'role', name: 'uc_blind_firm' },
          { kind: 'role', name: 'uc_blind_firm__ro' },
          { kind: 'credentials', counted: { sealed: 1 } },
        ],
      },
    });
  });
});

it('ends the sessions of the tenant before it counts', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'busy-firm', 'enterprise');
  const sleeping = asTenant(registry.row(), rig.keyRing, 'select pg_sleep(60)').catch(() => 'ended');
  await waitFor(async () => (await server.query(`select from pg_stat_activity where usename = 'uc_busy_firm'`)).length, {
    what: 'the session',
  });
  expect((await purge(registry)).type).toBe('TenantDataPurgedEvent');
  expect(await sleeping).toBe('ended');
});
