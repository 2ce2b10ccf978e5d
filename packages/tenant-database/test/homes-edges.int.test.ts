import { randomUUID } from 'node:crypto';
import { generatePassword } from '@ultracore/credentials';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_DATABASE,
  type Connect,
  createDatabase,
  createRoles,
  endSessionsOf,
  type Home,
  homeComment,
  homeNames,
  inspectHome,
  listHomes,
  SHARED_DATABASE,
  undoHome,
  withConnection,
} from '../src/index.ts';
import { addClient, type Bench, makeHome, namesSeen, newHome, newTenant, startBench } from './homes.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

const UNDO = { creationRecorded: true };
const undo = (home: Home) => undoHome(bench.admin, home, UNDO);
const onAdmin = <Result>(database: string, work: Parameters<typeof withConnection<Result>>[2]) =>
  withConnection(bench.admin, database, work);
const asSuperuser = (database: string, statement: string) => withConnection(bench.superuser, database, (c) => c.query(statement));
const query = (connect: Connect, database: string, statement: string) =>
  withConnection(connect, database, (c) => c.query(statement));

describe('the database of an enterprise home', () => {
  const makeClosed = (home: Home, owner: string, closed = true) =>
    asSuperuser(
      'postgres',
      `create database ${homeNames(home.tenantId, 'enterprise').database} owner ${owner} allow_connections ${!closed}`,
    );

  it('that was cut off before its comment is adopted only when its creation was recorded', async () => {
    const home = newHome('enterprise', 'cut');
    const { database } = homeNames(home.tenantId, 'enterprise');
    await onAdmin(ADMIN_DATABASE, async (admin) => {
      await createRoles(admin, home);
      await admin.query(`create database ${database} owner ultracore_owner template ultracore__template allow_connections false`);
      await expect(createDatabase(admin, home, { creationRecorded: false })).rejects.toMatchObject({ code: 'foreign_object' });
      expect(await undoHome(bench.admin, home, { creationRecorded: false })).toMatchObject({
        kept: [{ kind: 'database', name: database }],
      });
      await createRoles(admin, home);
      expect(await createDatabase(admin, home, { creationRecorded: true })).toBe('created');
    });
    expect((await undo(home)).removed.map(({ name }) => name)).toContain(database);
  });

  it('is never adopted or dropped when it is open, or somebody else’s, however it is recorded', async () => {
    const cases: [string, boolean][] = [
      ['ultracore_owner', false],
      ['postgres', true],
    ];
    for (const [owner, closed] of cases) {
      const home = newHome('enterprise', 'theirs');
      const { database } = homeNames(home.tenantId, 'enterprise');
      await makeClosed(home, owner, closed);
      await onAdmin(ADMIN_DATABASE, async (admin) => {
        await createRoles(admin, home);
        await expect(createDatabase(admin, home, UNDO)).rejects.toMatchObject({ code: 'foreign_object' });
      });
      expect((await undo(home)).kept).toEqual([{ kind: 'database', name: database, counted: {} }]);
      await asSuperuser('postgres', `drop database ${database}`);
    }
  });

  it.each([
    { next: 'undone', wanted: 0 },
    { next: 'made again', wanted: 1 },
  ])('that was cut off while it was dropped can be $next', async ({ wanted }) => {
    const home = newHome('enterprise', 'invalid');
    const { database } = homeNames(home.tenantId, 'enterprise');
    const passwords = { readWrite: generatePassword(), readOnly: generatePassword() };
    await makeHome(bench, bench.admin, home, passwords);
    await asSuperuser('postgres', `update pg_database set datconnlimit = -2 where datname = '${database}'`);
    await (wanted === 1 ? makeHome(bench, bench.admin, home, passwords) : undo(home));
    const { rowCount } = await asSuperuser('postgres', `select from pg_database where datname = '${database}'`);
    expect(rowCount).toBe(wanted);
    expect((await undo(home)).removed).toHaveLength(wanted * 3);
  });

  it('is made 6 at a time without a collision on the template', async () => {
    const tenants = await Promise.all(Array.from({ length: 6 }, () => newTenant(bench, 'enterprise', 'herd')));
    for (const tenant of tenants) expect(await namesSeen(tenant, 'read-write')).toEqual([]);
  });

  it('is dropped also while its tenant reconnects as fast as it can', async () => {
    const tenant = await newTenant(bench, 'enterprise', 'storm');
    const storming = new AbortController();
    const storm = Array.from({ length: 4 }, async () => {
      while (!storming.signal.aborted) {
        const client = await tenant.connect('read-write').catch(() => undefined);
        await client?.query('select pg_sleep(5)').catch(() => {});
        await client?.end().catch(() => {});
        if (client === undefined) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await waitFor(
      async () =>
        (await query(bench.superuser, 'postgres', `select from pg_stat_activity where usename = '${tenant.names.role}'`))
          .rowCount === 4,
      { what: 'the tenant to be connected' },
    );
    const { removed } = await undo(tenant.home);
    storming.abort();
    await Promise.all(storm);
    expect(removed.map(({ kind }) => kind)).toEqual(['database', 'role', 'role']);
  });

  it('lets the tenant create in schema own and nowhere else, shows it to the read-only login, and keeps the schema ours', async () => {
    const tenant = await newTenant(bench, 'enterprise', 'own');
    const client = await tenant.connect('read-write');
    await client.query(`create table own.notes (id int primary key, note text); insert into own.notes values (1, 'hello');
      create view own.names as select family_name from clients; create function own.twice(n int) returns int language sql return n * 2`);
    for (const statement of [
      'create table app.notes ()',
      'create table public.notes ()',
      'create schema more',
      'drop schema own cascade',
      'alter schema own rename to mine',
    ]) {
      await expect(client.query(statement)).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|3F000)$/) });
    }
    await client.end();
    const reader = await tenant.connect('read-only');
    expect((await reader.query('select note from notes')).rows).toEqual([{ note: 'hello' }]);
    await expect(reader.query(`insert into own.notes values (2, 'x')`)).rejects.toMatchObject({ code: '42501' });
    await expect(reader.query('create table own.mine ()')).rejects.toMatchObject({ code: '42501' });
    await reader.end();
    expect((await undo(tenant.home)).removed).toHaveLength(3);
  });
});

describe('the shared database', () => {
  it('is purged of a small tenant only by the role that can see its rows', async () => {
    const tenant = await newTenant(bench, 'small', 'planted');
    await addClient(tenant, 'Planted');
    await onAdmin(SHARED_DATABASE, async (shared) => {
      const purge = `select * from ultracore.purge_rows('app', '${tenant.home.tenantId}')`;
      await expect(shared.query(purge)).rejects.toMatchObject({ code: '42501' });
      await shared.query('set role ultracore_owner');
      expect((await shared.query('delete from app.clients')).rowCount).toBe(0);
      await expect(shared.query(purge)).rejects.toMatchObject({ code: '42501' });
    });
    expect(await namesSeen(tenant, 'read-only')).toEqual(['Planted']);
    // Blind on one table, the purge says so instead of counting 0.
    await asSuperuser(SHARED_DATABASE, 'drop policy maintenance on app.clients');
    await expect(undo(tenant.home)).rejects.toMatchObject({ code: 'UC001' });
    await asSuperuser(
      SHARED_DATABASE,
      'create policy maintenance on app.clients to ultracore_maint using (true) with check (true)',
    );
    expect((await undo(tenant.home)).removed).toContainEqual({ kind: 'rows', name: 'clients', counted: { rows: 1 } });
  });

  it('drops a standard home also when its tenant has set defaults for itself', async () => {
    const tenant = await newTenant(bench, 'standard', 'defaults');
    const client = await tenant.connect('read-write');
    await client.query(
      `alter default privileges grant select on tables to public; alter role ${tenant.names.role} set work_mem = '1GB'`,
    );
    await client.end();
    expect((await undo(tenant.home)).removed.map(({ kind }) => kind)).toEqual(['schema', 'role', 'role']);
  });

  it('says what is left when somebody else granted a role something, and finishes once that is gone', async () => {
    const tenant = await newTenant(bench, 'standard', 'granted');
    await asSuperuser('postgres', `create table only_there (id int); grant select on only_there to ${tenant.names.role}`);
    await expect(undo(tenant.home)).rejects.toMatchObject({ code: 'left_over' });
    await asSuperuser('postgres', 'drop table only_there');
    expect((await undo(tenant.home)).kept).toEqual([]);
  });

  it('lists objects that look like a home and say of nobody', async () => {
    await asSuperuser(SHARED_DATABASE, 'create schema tenant_orphan; create role uc_orphan');
    await asSuperuser('postgres', `create database ultracore_orphan owner ultracore_owner`);
    const orphans = (await onAdmin(SHARED_DATABASE, listHomes)).filter(({ tenantId }) => tenantId === undefined);
    expect(orphans.map(({ kind, name }) => `${kind} ${name}`)).toEqual(
      expect.arrayContaining(['database ultracore_orphan', 'role uc_orphan', 'schema tenant_orphan']),
    );
    await asSuperuser(SHARED_DATABASE, 'drop schema tenant_orphan; drop role uc_orphan');
    await asSuperuser('postgres', `drop database ultracore_orphan`);
  });
});

describe('endSessionsOf', () => {
  it('ends the admin’s sessions of that name, rolls back what they did, and leaves others alone', async () => {
    const name = `lease ${randomUUID()}`;
    const holder = await bench.admin(SHARED_DATABASE);
    const bystander = await bench.admin(SHARED_DATABASE);
    const tenant = await newTenant(bench, 'small', 'samename');
    const impostor = await tenant.connect('read-write');
    await holder.query(`set application_name = '${name}'`);
    await impostor.query(`set application_name = '${name}'`);
    const home = newHome('standard', 'halfway');
    const { role } = homeNames(home.tenantId, 'standard');
    await holder.query(`begin; create role ${role}; comment on role ${role} is '${homeComment(home.tenantId, home.requestId)}'`);
    expect(await onAdmin(ADMIN_DATABASE, (admin) => endSessionsOf(admin, name))).toBe(1);
    await expect(holder.query('commit')).rejects.toThrow(/terminat|connection error/i);
    expect((await bystander.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect((await impostor.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect((await onAdmin(ADMIN_DATABASE, (admin) => inspectHome(admin, home))).role.exists).toBe(false);
    await Promise.all([holder.end().catch(() => {}), bystander.end(), impostor.end()]);
  });
});
