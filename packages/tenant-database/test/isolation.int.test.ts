import { TIERS } from '@ultracore/contracts';
import { sqlStateOf } from '@ultracore/postgres';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  inspectHome,
  runMigrations,
  SHARED_DATABASE,
  smokeTest,
  takeInventory,
  undoHome,
  verifyDatabase,
  verifyServer,
  withConnection,
} from '../src/index.ts';
import { type Attack, attacksOf, CLOSED_DATABASES, type Targets } from './attacks.ts';
import { type Bench, newTenant, startBench, type Tenant } from './homes.ts';

const SECRET = 'VictimsSecretName';
const KINDS = ['read-write', 'read-only'] as const;

let bench: Bench;
let victims: { small: Tenant; standard: Tenant; enterprise: Tenant };
let victimSession: Client;
let targets: Omit<Targets, 'self'>;

async function plant(tenant: Tenant, familyName: string): Promise<string> {
  const client = await tenant.connect('read-write');
  const { rows } = await client.query<{ id: string }>(
    `insert into clients (kind, family_name, kyc_review_due_on) values ('person', $1, current_date) returning id`,
    [familyName],
  );
  await client.end();
  return rows[0]?.id ?? '';
}

beforeAll(async () => {
  bench = await startBench();
  victims = {
    small: await newTenant(bench, 'small', 'victim'),
    standard: await newTenant(bench, 'standard', 'victim'),
    enterprise: await newTenant(bench, 'enterprise', 'victim'),
  };
  const smallClient = await plant(victims.small, SECRET);
  await plant(victims.standard, SECRET);
  await plant(victims.enterprise, SECRET);
  await withConnection(bench.superuser, SHARED_DATABASE, (shared) => shared.query('analyze'));
  victimSession = await victims.small.connect('read-write');
  const { rows } = await victimSession.query<{ pid: number }>('select pg_backend_pid() as pid');
  targets = {
    secret: SECRET,
    smallTenant: victims.small.home.tenantId,
    smallClient,
    smallRole: victims.small.names.role,
    standardSchema: victims.standard.names.schema,
    standardRole: victims.standard.names.role,
    enterpriseDatabase: victims.enterprise.names.database,
    victimPid: rows[0]?.pid ?? 0,
  };
});
afterAll(async () => {
  await victimSession.end();
  await bench.stop();
});

/** Runs one attack and says what it achieved; undefined when it achieved nothing. */
async function achieved(client: Client, attack: Attack): Promise<string | undefined> {
  try {
    const result: unknown = await client.query(attack.sql);
    if (attack.refusals.length > 0) return `"${attack.name}" was allowed`;
    const returned = JSON.stringify((Array.isArray(result) ? result : [result]).map((one: { rows: unknown }) => one.rows));
    return returned.includes(SECRET) ? `"${attack.name}" returned a neighbour's row` : undefined;
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined || !(error instanceof Error)) throw error;
    if (error.message.includes(SECRET)) return `"${attack.name}" leaked by its error`;
    // A read-only login is also refused what may be done without success.
    const expected = attack.refusals.length === 0 ? ['42501'] : attack.refusals;
    return expected.includes(state) ? undefined : `"${attack.name}" failed with ${state}: ${error.message}`;
  } finally {
    await client.query('rollback; reset all; reset role');
  }
}

async function run(tenant: Tenant, kind: (typeof KINDS)[number]): Promise<{ attacks: number; successes: string[] }> {
  const self = kind === 'read-write' ? tenant.names.role : tenant.names.readonlyRole;
  const attacks = attacksOf(tenant.home.tier, kind, { ...targets, self });
  const client = await tenant.connect(kind);
  const successes: string[] = [];
  for (const attack of attacks) {
    const success = await achieved(client, attack);
    if (success !== undefined) successes.push(success);
  }
  await client.end();
  return { attacks: attacks.length, successes };
}

/** All that belongs to the victims and to the server, to compare before and after. */
async function everything(): Promise<unknown> {
  const shared = await withConnection(bench.superuser, SHARED_DATABASE, async (connection) => {
    const rows = await connection.query(
      `select 'small' as of, to_jsonb(c) as row from app.clients c where tenant_id = $1
      union all select 'standard', to_jsonb(c) from ${victims.standard.names.schema}.clients c`,
      [victims.small.home.tenantId],
    );
    const roles = await connection.query(
      `select rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolconnlimit, rolpassword from pg_authid order by 1`,
    );
    const memberships = await connection.query(
      'select roleid::regrole, member::regrole, admin_option, set_option from pg_auth_members order by 1, 2, 3, 4',
    );
    const objects =
      await connection.query(`select nspname, relname, relacl::text, relowner from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1, 2`);
    const databases = await connection.query('select datname, datacl::text from pg_database order by 1');
    return [rows.rows, roles.rows, memberships.rows, objects.rows, databases.rows];
  });
  const enterprise = await withConnection(bench.superuser, victims.enterprise.names.database, (home) =>
    home.query('select to_jsonb(c) as row from app.clients c'),
  );
  return [shared, enterprise.rows];
}

describe.each(TIERS)('a tenant of tier %s', (tier) => {
  it.each(KINDS)('reads and changes nothing but its own through its %s login', async (kind) => {
    const attacker = await newTenant(bench, tier, 'attacker');
    await plant(attacker, 'Own');
    const before = await everything();
    const { attacks, successes } = await run(attacker, kind);
    expect(successes).toEqual([]);
    expect(attacks).toBeGreaterThanOrEqual(25);
    expect(await everything()).toEqual(before);
    expect((await victimSession.query('select 1 as alive')).rows).toEqual([{ alive: 1 }]);
    await undoHome(bench.admin, attacker.home, { creationRecorded: true });
  });

  it.each(KINDS)('enters no database but its own with its %s login', async (kind) => {
    const attacker = await newTenant(bench, tier, 'visitor');
    const others = [...CLOSED_DATABASES, victims.enterprise.names.database, ...(tier === 'enterprise' ? [SHARED_DATABASE] : [])];
    for (const database of others) {
      const outcome = await attacker.connect(kind, database).catch((error: unknown) => sqlStateOf(error));
      expect([database, outcome]).toEqual([database, expect.stringMatching(/^(42501|55000)$/)]);
    }
  });
});

describe('the attacks', () => {
  it('do succeed where the isolation was taken away: they are able to fail this suite', async () => {
    const attacker = await newTenant(bench, 'small', 'control');
    await plant(attacker, 'Own');
    const tampering = `alter policy tenant_rows on app.clients using (true) with check (true);
      grant usage on schema ${victims.standard.names.schema} to public; grant select on ${victims.standard.names.schema}.clients to public;
      grant pg_read_all_stats, ultracore_maint to ${attacker.names.role}; grant create on schema app to public;
      grant execute on function pg_advisory_lock(bigint), lo_create(oid), pg_lock_status() to public; grant usage on language plpgsql to public`;
    await withConnection(bench.superuser, SHARED_DATABASE, (shared) => shared.query(tampering));
    const { successes } = await run(attacker, 'read-write');
    expect(successes).toEqual(
      expect.arrayContaining([
        '"become the role that sees all rows" was allowed',
        '"read a standard neighbour" was allowed',
        '"run a block of code" was allowed',
        '"take an advisory lock" was allowed',
        '"make a large object" was allowed',
        '"make a table in the migrated schema" was allowed',
        '"read locks" was allowed',
        `"read every row" returned a neighbour's row`,
        `"read through a view" returned a neighbour's row`,
        '"hand a row to a neighbour" was allowed',
      ]),
    );
    expect(await verifyServer(bench.admin)).not.toEqual([]);
  });
});

describe('an enterprise tenant’s own code', () => {
  it('is never run by the platform, whatever it is named', async () => {
    const tenant = await newTenant(bench, 'enterprise', 'trap');
    const { database, role, readonlyRole } = tenant.names;
    const trap = (signature: string, returns: string, result: string) =>
      `create function own.${signature} returns ${returns} language plpgsql as
         $$ begin insert into own.caught values (current_user); return ${result}; end $$`;
    const client = await tenant.connect('read-write');
    await client.query(
      [
        'create table own.caught (who text)',
        trap('now()', 'timestamptz', 'clock_timestamp()'),
        trap('to_regnamespace(text)', 'regnamespace', 'null'),
        trap('pg_current_xact_id_if_assigned()', 'xid8', 'null'),
        trap('touch_updated_at()', 'trigger', 'new'),
        trap('always(text, text)', 'boolean', 'true'),
        'create operator own.= (leftarg = text, rightarg = text, function = own.always)',
        'create view own.pg_class as select own.now() as relname',
        'create view own.clients as select own.now() as id',
        'create table own.watched (id int)',
        'create trigger watch before insert on own.watched for each row execute function own.touch_updated_at()',
        `alter role ${role} set search_path = own, app, pg_catalog`,
        `alter role ${role} in database ${database} set search_path = own, app, pg_catalog`,
      ].join(';'),
    );
    await client.end();
    const victim = await tenant.connect('read-write');
    await victim.query('select now()');
    expect((await victim.query('select who from own.caught')).rows).toEqual([{ who: role }]);
    await victim.query('truncate own.caught');
    await victim.end();

    const [first] = bench.migrations;
    const next = { version: '9001', name: 'more', checksum: 'x', changesData: false };
    const sql = `alter table clients add column nickname text; update clients set nickname = 'x', family_name = family_name where now() is not null;
      create view nicknames with (security_invoker = true) as select nickname from clients where tenant_id = 'x'`;
    await plant(tenant, 'Own').catch(() => {});
    await withConnection(bench.admin, database, async (home) => {
      const report = await runMigrations(home, { schema: 'app', migrations: [...bench.migrations, { ...first, ...next, sql }] });
      expect(report.applied).toBe(1);
      await inspectHome(home, tenant.home);
      expect(await verifyDatabase(home, { shared: false })).toEqual([]);
    });
    const reader = await tenant.connect('read-only');
    await smokeTest(reader, tenant.home, 'read-only');
    await reader.end();
    const caught = await withConnection(bench.superuser, database, (home) => home.query('select distinct who from own.caught'));
    expect(caught.rows.filter(({ who }) => who !== role && who !== readonlyRole)).toEqual([]);
    const [counted] = await takeInventory(bench.admin, tenant.home);
    expect(counted).toMatchObject({ kind: 'database', counted: { tables: 15 } });
    const undone = await undoHome(bench.admin, tenant.home, { creationRecorded: true });
    expect(undone.removed[0]).toMatchObject({ kind: 'database' });
  });
});
