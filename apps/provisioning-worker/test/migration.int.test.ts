import { loadMigrations, type Migration } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActiveTenant } from './support/active-tenant.ts';
import { asTenant } from './support/homes.ts';
import { moreMigrations } from './support/more-migrations.ts';
import { playRegistry, type Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';
import { toldFacts } from './support/told.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

/** The tenants' migrations with more after the last one. */
async function withMore(more: Readonly<Record<string, string>>): Promise<Migration[]> {
  using folder = moreMigrations(more);
  return await loadMigrations(folder.directory);
}

/** Waits for locks for as long as a test needs. */
const PATIENT = { lockTimeoutMs: 20_000, statementTimeoutMs: 20_000 };
const NOTE = { '9001_note.sql': 'alter table clients add column note text;' };

async function migrate(registry: Registry, target: string) {
  await registry.request('migrate', { target_migration_version: target });
  return registry.settle('migrate');
}

describe.each(['enterprise', 'standard'] as const)('a rollout at a %s tenant', (tier) => {
  it('brings its home to the version asked for and no further, tables in use included', async () => {
    await using rig = await createRig(server.postgres);
    const first = await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `grows-${tier}`, tier);
    await asTenant(registry.row(), rig.keyRing, `insert into clients (kind, family_name) values ('person', 'first')`);
    await first.stop();
    const migrations = await withMore({ ...NOTE, '9002_later.sql': 'alter table clients add column later text;' });
    await rig.worker([server], { migrations });
    const fact = await migrate(registry, '9001');
    expect(fact).toMatchObject({ type: 'TenantMigrationsCompletedEvent', body: { migration_version: '9001' } });
    const look = `select column_name as name from information_schema.columns where table_name = 'clients' and column_name in ('note', 'later')`;
    expect(await asTenant(registry.row(), rig.keyRing, look, 'readonly')).toEqual([{ name: 'note' }]);
    expect(await asTenant(registry.row(), rig.keyRing, 'select family_name, note from clients')).toEqual([
      { family_name: 'first', note: null },
    ]);
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  });

  it('that is ahead stays as it is: nothing is ever taken back', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `ahead-${tier}`, tier);
    const newest = rig.migrations.at(-1)?.version;
    expect(await migrate(registry, '0001')).toMatchObject({
      type: 'TenantMigrationsCompletedEvent',
      body: { migration_version: newest },
    });
  });

  it('that a bad migration meets keeps what it has, says which and why, and takes the next attempt', async () => {
    await using rig = await createRig(server.postgres);
    const first = await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `broken-${tier}`, tier);
    await first.stop();
    const bad = await withMore({ ...NOTE, '9002_bad.sql': 'alter table clients add column worse no_such_type;' });
    const second = await rig.worker([server], { migrations: bad });
    expect(await migrate(registry, '9002')).toMatchObject({
      type: 'TenantMigrationsFailedEvent',
      body: { migration_version: '9002', code: 'migration_failed', sqlstate: '42704' },
    });
    expect(await asTenant(registry.row(), rig.keyRing, 'select note from clients')).toEqual([]);
    await second.stop();
    await rig.worker([server], {
      migrations: await withMore({ ...NOTE, '9002_good.sql': 'alter table clients add column better text;' }),
    });
    expect(await migrate(registry, '9002')).toMatchObject({ type: 'TenantMigrationsCompletedEvent' });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed', 'done']);
  });
});

it('what small tenants share is migrated once for all of them, row security on what is new included', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const one = await createActiveTenant(rig, server, 'shares-one', 'small');
  const two = await createActiveTenant(rig, server, 'shares-two', 'small');
  await first.stop();
  const tags = `create table tags (tenant_id text not null default ultracore.current_tenant_id(), name text not null, primary key (tenant_id, name));`;
  // A server that becomes fit has the newest version at once: the rollout must find it there.
  await rig.worker([server], { migrations: await withMore({ '9003_tags.sql': tags }) });
  const facts = await Promise.all([migrate(one, '9003'), migrate(two, '9003')]);
  for (const fact of facts) expect(fact).toMatchObject({ body: { migration_version: '9003' } });
  await asTenant(one.row(), rig.keyRing, `insert into tags (name) values ('mine')`);
  expect(await asTenant(one.row(), rig.keyRing, 'select name from tags')).toEqual([{ name: 'mine' }]);
  expect(await asTenant(two.row(), rig.keyRing, 'select name from tags')).toEqual([]);
  const applied = await server.query(
    `select from ultracore.migrations where home = 'app' and version = '9003'`,
    [],
    'ultracore_shared',
  );
  expect(applied).toHaveLength(1);
});

it('a migration that fails for the rows of small tenants says where, and of no row anything to anybody', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'strict-one', 'small');
  const other = await createActiveTenant(rig, server, 'strict-two', 'small');
  for (const each of [registry, other]) {
    await asTenant(each.row(), rig.keyRing, `insert into clients (kind, family_name) values ('person', 'mark-of-a-row')`);
  }
  await first.stop();
  await rig.worker([server], {
    migrations: await withMore({ '9004_strict.data.sql': 'update clients set kind = family_name;' }),
  });
  const fact = await migrate(registry, '9004');
  expect(fact).toMatchObject({
    type: 'TenantMigrationsFailedEvent',
    body: {
      migration_version: '9004',
      code: 'migration_failed',
      sqlstate: '23514',
      reason: expect.stringContaining('check_violation, schema app, table clients, constraint clients_') as string,
    },
  });
  const { rows } = await rig.pool.query('select failure from worker.work_item');
  expect(JSON.stringify([fact, rows, rig.log])).not.toContain('mark-of-a-row');
});

it('a version that is not known here fails and changes nothing', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'future-firm', 'standard');
  expect(await migrate(registry, '9999')).toMatchObject({
    type: 'TenantMigrationsFailedEvent',
    body: { migration_version: '9999', code: 'unknown_version' },
  });
});

it('a version that only another worker has is left to it, also while that one is away for a moment', async () => {
  await using rig = await createRig(server.postgres);
  const newer = { migrations: await withMore(NOTE) };
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'mixed-firm', 'standard');
  await (await rig.worker([server], newer)).stop();
  await registry.request('migrate', { target_migration_version: '9001' });
  await rig.worker([server], newer);
  expect(await registry.settle('migrate')).toMatchObject({
    type: 'TenantMigrationsCompletedEvent',
    body: { migration_version: '9001' },
  });
});

it.each(['standard', 'small'] as const)(
  'a %s home is made of no more than the directory says; one that nobody can make fails',
  async (tier) => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], { migrations: await withMore(NOTE) });
    const proven = rig.migrations.at(-1)?.version ?? '';
    const registry = playRegistry(rig.pool, server, `made-${tier}`, tier);
    await registry.change({ target_migration_version: '9999' });
    await registry.create();
    expect(await registry.answer()).toBe('failed');
    expect((await toldFacts(rig.pool, registry.tenantId)).at(-1)).toMatchObject({
      body: { step: 'migrate', code: 'unknown_version' },
    });
    await registry.change({ target_migration_version: proven });
    await registry.retry();
    expect(await registry.answer()).toBe('active');
    const [made] = (await toldFacts(rig.pool, registry.tenantId)).filter(({ type }) => type === 'TenantMigrationsCompletedEvent');
    // What small tenants share is there already, made when the server was first used.
    const expected = tier === 'standard' ? proven : expect.any(String);
    expect(made).toMatchObject({ body: { migration_version: expected } });
  },
);

it('a statement that runs too long, or a lock that is not to be had, fails the tenant instead of holding up the rollout', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'locked-firm', 'standard');
  await first.stop();
  const slow = await withMore({ ...NOTE, '9002_slow.sql': 'select pg_sleep(30);' });
  await rig.worker([server], { migrations: slow, migrationLimits: { lockTimeoutMs: 50, statementTimeoutMs: 300 } });
  await using holder = await hold(server, 'tenant_locked_firm.clients');
  expect(await migrate(registry, '9001')).toMatchObject({
    type: 'TenantMigrationsFailedEvent',
    body: {
      migration_version: '9001',
      code: 'lock_timeout',
      sqlstate: '55P03',
      reason: expect.stringContaining('lock') as string,
    },
  });
  await holder.release();
  expect(await migrate(registry, '9002')).toMatchObject({
    type: 'TenantMigrationsFailedEvent',
    body: { migration_version: '9002', code: 'statement_timeout', sqlstate: '57014' },
  });
});

it('a migration that is cancelled while it runs is told all the same when the home has it', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'halted-firm', 'standard');
  await first.stop();
  await rig.worker([server], { migrations: await withMore(NOTE), migrationLimits: PATIENT });
  await using holder = await hold(server, 'tenant_halted_firm.clients');
  const id = await registry.request('migrate', { target_migration_version: '9001' });
  await holder.waitedFor();
  await registry.change({ requests: { ...registry.row().requests, migrate: { id, outcome: 'cancelled' } } });
  await holder.release();
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'cancelled']);
  expect((await toldFacts(rig.pool, registry.tenantId)).filter(({ causationId }) => causationId === id)).toMatchObject([
    { type: 'TenantMigrationsCompletedEvent', body: { migration_version: '9001' } },
  ]);
});

interface Holder extends AsyncDisposable {
  /** Once somebody waits for the table. */
  waitedFor(): Promise<void>;
  release(): Promise<void>;
}

/** A long transaction in a tenant's table. */
async function hold(on: HomeServer, table: string): Promise<Holder> {
  const client = new Client({ connectionString: on.postgres.url('ultracore_shared') });
  await client.connect();
  await client.query(`begin; lock table ${table} in access share mode`);
  let open = true;
  const release = async (): Promise<void> => {
    if (open) await client.end();
    open = false;
  };
  const waiting = 'select from pg_locks where relation = $1::regclass and not granted';
  const waitedFor = async (): Promise<void> => {
    await waitFor(async () => (await on.query(waiting, [table], 'ultracore_shared')).length > 0, {
      what: `somebody to wait for ${table}`,
    });
  };
  return { waitedFor, release, [Symbol.asyncDispose]: release };
}
