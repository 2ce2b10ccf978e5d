import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Connection,
  createRoles,
  createSchema,
  type Home,
  homeNames,
  type Migration,
  protectSmall,
  runMigrations,
  SHARED_DATABASE,
  withConnection,
} from '../src/index.ts';
import { type Bench, newHome, newTenant, startBench, type Tenant } from './homes.ts';
import { KEY, table, UNSAFE_SCHEMAS } from './unsafe-schemas.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

const migration = (version: string, sql: string, changesData = false): Migration => ({
  version,
  name: `step_${version}`,
  sql,
  checksum: createHash('sha256').update(sql).digest('hex'),
  changesData,
});

const inShared = <Result>(work: (connection: Connection) => Promise<Result>) =>
  withConnection(bench.admin, SHARED_DATABASE, work);

/** An empty standard home to migrate. */
async function emptyHome(name: string): Promise<{ home: Home; schema: string }> {
  const home = newHome('standard', name);
  await inShared(async (shared) => {
    await createRoles(shared, home);
    await createSchema(shared, home);
  });
  return { home, schema: homeNames(home.tenantId, 'standard').schema };
}

const tablesOf = async (schema: string): Promise<string[]> => {
  const { rows } = await inShared((shared) =>
    shared.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = to_regnamespace($1) and relkind = 'r' order by 1`,
      [schema],
    ),
  );
  return rows.map(({ name }) => name);
};

describe('runMigrations', () => {
  it('applies what is missing, once, and says what it did and what the home has', async () => {
    const { schema } = await emptyHome('fresh');
    const one = migration('0001', table('a') + table('b'));
    const two = migration('0002', `${table('c')} alter table a add column x int`);
    const run = (...migrations: Migration[]) => inShared((shared) => runMigrations(shared, { schema, migrations }));
    expect(await run(one)).toEqual({ version: '0001', applied: 1, tablesCreated: 2, total: { applied: 1, tablesCreated: 2 } });
    expect(await run(one, two)).toEqual({
      version: '0002',
      applied: 1,
      tablesCreated: 1,
      total: { applied: 2, tablesCreated: 3 },
    });
    expect(await run(one, two)).toEqual({
      version: '0002',
      applied: 0,
      tablesCreated: 0,
      total: { applied: 2, tablesCreated: 3 },
    });
    // A worker that is a release behind leaves a home that is ahead as it is.
    expect(await run(one)).toMatchObject({ version: '0002', applied: 0 });
    expect(await tablesOf(schema)).toEqual(['a', 'b', 'c']);
  });

  it('goes no further than its target', async () => {
    const { schema } = await emptyHome('target');
    const migrations = [migration('0001', table('a')), migration('0002', table('b')), migration('0003', table('c'))];
    const run = (target: string) => inShared((shared) => runMigrations(shared, { schema, migrations, target }));
    expect(await run('0002')).toMatchObject({ version: '0002', applied: 2 });
    expect(await run('0003')).toMatchObject({ version: '0003', applied: 1 });
  });

  it('refuses an applied migration whose text changed, and one that comes too late', async () => {
    const { schema } = await emptyHome('changed');
    const [one, three] = [migration('0001', table('a')), migration('0003', table('c'))];
    const run = (...migrations: Migration[]) => inShared((shared) => runMigrations(shared, { schema, migrations }));
    await run(one, three);
    await expect(run(migration('0001', table('b')), three)).rejects.toMatchObject({ code: 'migration_changed' });
    await expect(run(one, migration('0002', table('b')), three)).rejects.toMatchObject({ code: 'migration_out_of_order' });
    expect(await tablesOf(schema)).toEqual(['a', 'c']);
  });

  it('says which migration failed, where, and why, and keeps nothing of a new home', async () => {
    const { schema } = await emptyHome('failing');
    const migrations = [
      migration('0001', table('a')),
      migration('0002', `-- größer 🐘\n${table('b')}\n  select nothing_of_the_kind;\n`),
    ];
    const outcome = await inShared((shared) => runMigrations(shared, { schema, migrations })).catch((error: unknown) => error);
    expect(outcome).toMatchObject({
      name: 'MigrationError',
      code: 'migration_failed',
      failure: { version: '0002', sqlState: '42703', line: 3, column: 10 },
      cause: { code: '42703' },
    });
    expect(String(outcome)).toContain(
      'Migration 0002_step_0002 failed at line 3, column 10: column "nothing_of_the_kind" does not exist',
    );
    expect(await tablesOf(schema)).toEqual([]);
    // The next run, with the fault mended, starts from nothing.
    const mended = [migration('0001', table('a')), migration('0002', table('b'))];
    expect(await inShared((shared) => runMigrations(shared, { schema, migrations: mended }))).toMatchObject({ applied: 2 });
  });

  it.each([
    [
      'a constraint that its rows break',
      'alter table a add constraint no_words check (word is null)',
      /check_violation, .*table a, constraint no_words; .*SQLSTATE 23514/,
    ],
    [
      'a value that is none of the type',
      'alter table a alter word type int using word::int',
      /invalid_text_representation; .*22P02/,
    ],
    ['what it says itself', `do $$ begin raise exception 'found %', (select word from a); end $$`, /raise_exception; .*P0001/],
    [
      'a statement that it puts together',
      `do $$ begin execute (select format('select %I from a', word) from a); end $$`,
      /an error of class 42; .*42703/,
    ],
    [
      'a constraint that is looked at when it ends',
      `create table b (word text unique deferrable initially deferred); insert into b select word from a, generate_series(1, 2)`,
      /unique_violation, .*table b, constraint b_word_key; .*23505/,
    ],
  ])('says of a migration that fails for its rows where, but no value of them: %s', async (_, sql, reason) => {
    const { schema } = await emptyHome('values');
    const rows = `${table('a')} alter table a add column word text; insert into a (tenant_id, id, word) values ('x', 1, 'mark-of-a-row')`;
    const migrations = [migration('0001', rows), migration('0002', sql)];
    await inShared((shared) => runMigrations(shared, { schema, migrations: migrations.slice(0, 1) }));
    const outcome = await inShared((shared) => runMigrations(shared, { schema, migrations })).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'migration_failed', failure: { version: '0002' } });
    expect(String(outcome)).toMatch(reason);
    expect(inspect(outcome, { depth: null })).not.toContain('mark-of-a-row');
  });

  it('keeps what came before, in a home that had some', async () => {
    const { schema } = await emptyHome('partly');
    const run = (...migrations: Migration[]) => inShared((shared) => runMigrations(shared, { schema, migrations }));
    await run(migration('0001', table('a')));
    await expect(run(migration('0001', table('a')), migration('0002', table('b')), migration('0003', 'x'))).rejects.toMatchObject(
      {
        failure: { version: '0003', sqlState: '42601', line: 1 },
      },
    );
    expect(await tablesOf(schema)).toEqual(['a', 'b']);
  });

  it.each(['commit; begin', 'commit', 'rollback'])('refuses a migration that ends its transaction: %s', async (control) => {
    const { schema } = await emptyHome('control');
    const migrations = [migration('0001', `${table('a')} ${control};`)];
    await expect(inShared((shared) => runMigrations(shared, { schema, migrations }))).rejects.toMatchObject({
      code: 'migration_failed',
    });
  });

  it('runs once when many workers ask at the same time', async () => {
    const { schema } = await emptyHome('crowd');
    const migrations = [migration('0001', table('a')), migration('0002', "insert into a (tenant_id, id) values ('x', 1)")];
    const reports = await Promise.all(
      Array.from({ length: 6 }, () => inShared((shared) => runMigrations(shared, { schema, migrations }))),
    );
    expect(reports.reduce((sum, { applied }) => sum + applied, 0)).toBe(2);
    expect(reports.every(({ total }) => total.applied === 2)).toBe(true);
  });

  it('gives up on a lock that a tenant holds, and says so', async () => {
    const tenant = await newTenant(bench, 'standard', 'holding');
    const client = await tenant.connect('read-write');
    await client.query('begin; select * from clients');
    const migrations = [...bench.migrations, migration('9000', 'alter table clients add column x int')];
    const run = (lockTimeoutMs: number) =>
      inShared((shared) => runMigrations(shared, { schema: tenant.names.schema, migrations, lockTimeoutMs }));
    await expect(run(50)).rejects.toMatchObject({ code: 'lock_timeout', failure: { version: '9000', sqlState: '55P03' } });
    await client.query('commit');
    expect(await run(1_000)).toMatchObject({ applied: 1 });
    await client.end();
  });

  it('cannot be held up by a tenant that takes every advisory lock of its own database', async () => {
    const tenant = await newTenant(bench, 'enterprise', 'greedy');
    const client = await tenant.connect('read-write');
    await client.query('select pg_advisory_lock(n) from generate_series(0, 1000) n');
    const migrations = [...bench.migrations, migration('9000', table('extra'))];
    const report = await withConnection(bench.admin, tenant.names.database, (home) =>
      runMigrations(home, { schema: 'app', migrations }),
    );
    expect(report).toMatchObject({ applied: 1, tablesCreated: 1 });
    await client.end();
  });

  it('gives both logins their rights on a table that came later', async () => {
    for (const tier of ['enterprise', 'standard'] as const) {
      const tenant = await newTenant(bench, tier, 'later');
      const migrations = [...bench.migrations, migration('9000', table('later'))];
      await withConnection(bench.admin, tenant.names.database, (home) =>
        runMigrations(home, { schema: tenant.names.schema, migrations }),
      );
      const writer = await tenant.connect('read-write');
      await writer.query('insert into later (id) values (7)');
      await writer.end();
      const reader = await tenant.connect('read-only');
      expect((await reader.query('select tenant_id, id from later')).rows).toEqual([{ tenant_id: tenant.home.tenantId, id: 7 }]);
      await reader.end();
    }
  });
});

it.each(['enterprise', 'standard'] as const)('rights that are there are not given again: %s', async (tier) => {
  const tenant = await newTenant(bench, tier, 'granted');
  const { schema, database } = tenant.names;
  await withConnection(bench.admin, database, async (home) => {
    const look = () =>
      home.query(`select relname, xmin::text from pg_class where relnamespace = $1::regnamespace and relacl is not null`, [
        schema,
      ]);
    const before = (await look()).rows;
    expect(before.length).toBeGreaterThan(5);
    await runMigrations(home, { schema, migrations: [...bench.migrations, migration('9000', 'select 1')] });
    expect((await look()).rows).toEqual(before);
  });
});

describe('a tenant that threw its rights on later tables away', () => {
  it.each(['enterprise', 'standard'] as const)('has them, and all it missed, with the next migration: %s', async (tier) => {
    const tenant = await newTenant(bench, tier, 'dropped');
    for (const kind of ['read-write', 'read-only'] as const) {
      const login = await tenant.connect(kind);
      await login.query('drop owned by current_user');
      await login.end();
    }
    // What was made in the meantime is hidden from it.
    await withConnection(bench.admin, tenant.names.database, (home) =>
      home.query(`set role ultracore_owner; create table ${tenant.names.schema}.meanwhile (id int)`),
    );
    const hidden = await tenant.connect('read-write');
    await expect(hidden.query('select from meanwhile')).rejects.toMatchObject({ code: '42501' });
    await hidden.end();
    const migrations = [...bench.migrations, migration('9000', table('later'))];
    await withConnection(bench.admin, tenant.names.database, (home) =>
      runMigrations(home, { schema: tenant.names.schema, migrations }),
    );
    const writer = await tenant.connect('read-write');
    await writer.query('insert into later (id) values (7)');
    await writer.query('insert into meanwhile (id) values (7)');
    await writer.end();
    const reader = await tenant.connect('read-only');
    expect((await reader.query('select id from later union all select id from meanwhile')).rows).toEqual([{ id: 7 }, { id: 7 }]);
    await reader.end();
  });
});

describe('the schema that small tenants share', () => {
  const apply = (...added: Migration[]) =>
    inShared((shared) => runMigrations(shared, { schema: 'app', migrations: [...bench.migrations, ...added], shared: true }));

  it.each(UNSAFE_SCHEMAS)('refuses %s, and keeps nothing of that migration', async (_name, sql, reason) => {
    const before = await tablesOf('app');
    const outcome = await apply(migration('9100', sql)).catch((error: unknown) => error);
    expect(outcome).toMatchObject({
      code: expect.stringMatching(/^(unsafe_schema|migration_failed)$/),
      failure: { version: '9100' },
    });
    expect(String(outcome)).toMatch(reason);
    expect(await tablesOf('app')).toEqual(before);
  });

  it('takes identity columns, definer functions with a search_path, and views that say security_invoker in any spelling', async () => {
    const sql = `create table ident (${KEY}, n bigint generated always as identity, primary key (tenant_id, id));
      create view ident_view with (security_invoker) as select n from ident;
      create function ident_definer() returns int language sql security definer set search_path = pg_catalog, pg_temp return 1`;
    expect(await apply(migration('9001', sql))).toMatchObject({ applied: 1, tablesCreated: 1 });
    const tenant = await newTenant(bench, 'small', 'ident');
    const client = await tenant.connect('read-write');
    expect((await client.query('insert into ident (id) values (1) returning tenant_id')).rows).toEqual([
      { tenant_id: tenant.home.tenantId },
    ]);
    await expect(client.query('select last_value from ident_n_seq')).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });

  it('changes rows of every tenant in a migration of data, and of none as owner', async () => {
    const tenants: Tenant[] = [await newTenant(bench, 'small', 'data'), await newTenant(bench, 'small', 'data')];
    for (const tenant of tenants) {
      const client = await tenant.connect('read-write');
      await client.query(`insert into clients (kind, family_name, phone) values ('person', 'X', '+41440000000')`);
      await client.end();
    }
    const applied = await inShared((shared) =>
      shared.query<Migration>(
        `select version, name, checksum, '' as sql, false as "changesData" from ultracore.migrations where home = 'app' order by version`,
      ),
    );
    const run = (...added: Migration[]) =>
      inShared((shared) => runMigrations(shared, { schema: 'app', migrations: [...applied.rows, ...added], shared: true }));
    const asOwner = migration('9501', `update clients set phone = '+1000000000'`);
    const asMaint = migration('9502', `update clients set phone = '+2000000000'`, true);
    await run(asOwner);
    const phones = async () => {
      const seen = await Promise.all(
        tenants.map(async (tenant) => {
          const client = await tenant.connect('read-only');
          const { rows } = await client.query<{ phone: string }>('select phone from clients');
          await client.end();
          return rows.map(({ phone }) => phone);
        }),
      );
      return seen.flat();
    };
    expect(await phones()).toEqual(['+41440000000', '+41440000000']);
    await run(asOwner, asMaint);
    expect(await phones()).toEqual(['+2000000000', '+2000000000']);
  });

  it('is protected again by one call after a superuser changed it', async () => {
    await withConnection(bench.superuser, SHARED_DATABASE, (c) =>
      c.query(
        'alter table app.clients no force row level security; drop policy tenant_rows on app.orders; alter policy tenant_rows on app.reports using (true)',
      ),
    );
    await inShared(protectSmall);
    await withConnection(bench.superuser, SHARED_DATABASE, (c) =>
      c.query('create view app.leak as select * from app.clients; alter view app.leak owner to ultracore_owner'),
    );
    await expect(inShared(protectSmall)).rejects.toMatchObject({ code: 'unsafe_schema' });
    await withConnection(bench.superuser, SHARED_DATABASE, (c) => c.query('drop view app.leak'));
    const { rows } = await withConnection(bench.superuser, SHARED_DATABASE, (c) =>
      c.query(`select relname from pg_class c where relnamespace = 'app'::regnamespace and relkind = 'r' and (not relforcerowsecurity
        or (select count(*) from pg_policy where polrelid = c.oid and pg_get_expr(polqual, polrelid) in ('true', '(tenant_id = ( SELECT ultracore.current_tenant_id() AS current_tenant_id))')) <> 2)`),
    );
    expect(rows).toEqual([]);
  });

  it('shows its bookkeeping to no tenant', async () => {
    const tenant = await newTenant(bench, 'small', `books`);
    const client = await tenant.connect('read-write');
    for (const name of ['migrations', 'homes']) {
      await expect(client.query(`select * from ultracore.${name}`)).rejects.toMatchObject({ code: '42501' });
    }
    await client.end();
  });
});
