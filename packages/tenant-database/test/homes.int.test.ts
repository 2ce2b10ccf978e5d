import { randomUUID } from 'node:crypto';
import { TIERS } from '@ultracore/contracts';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_DATABASE,
  closeLogin,
  type Connect,
  createDatabase,
  createRoles,
  createSchema,
  endSessionsOf,
  type Home,
  homeComment,
  homeNames,
  inspectHome,
  listHomes,
  openLogin,
  setLimits,
  setVerifiers,
  SHARED_DATABASE,
  smokeTest,
  undoHome,
  withConnection,
} from '../src/index.ts';
import { type Bench, LIMITS, makeHome, newHome, newTenant, startBench, type Tenant } from './homes.ts';

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

async function codeOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  return outcome instanceof Error && 'code' in outcome ? String(outcome.code) : 'done';
}

async function addClient(tenant: Tenant, name: string): Promise<void> {
  const client = await tenant.connect('read-write');
  await client.query(`insert into clients (kind, family_name) values ('person', $1)`, [name]);
  await client.end();
}

async function namesSeen(tenant: Tenant, kind: 'read-write' | 'read-only'): Promise<string[]> {
  const client = await tenant.connect(kind);
  const { rows } = await client.query<{ family_name: string }>('select family_name from clients order by 1');
  await client.end();
  return rows.map((row) => row.family_name);
}

describe.each(TIERS)('a home of tier %s', (tier) => {
  it('is usable through both logins: one reads and writes, the other reads', async () => {
    const tenant = await newTenant(bench, tier, 'usable');
    for (const kind of ['read-write', 'read-only'] as const) {
      const client = await tenant.connect(kind);
      await smokeTest(client, tenant.home, kind);
      await expect(smokeTest(client, tenant.home, kind === 'read-only' ? 'read-write' : 'read-only')).rejects.toMatchObject({
        code: 'smoke_failed',
      });
      const { rows } =
        await client.query(`select current_setting('statement_timeout') as st, current_setting('temp_file_limit') as tf,
        current_setting('idle_in_transaction_session_timeout') as idle, current_setting('search_path') as path`);
      const path = { enterprise: 'app, own, pg_temp', standard: `${tenant.names.schema}, pg_temp`, small: 'app, pg_temp' }[tier];
      expect(rows[0]).toEqual({ st: '30s', tf: '64MB', idle: '30s', path });
      await client.end();
    }
    await addClient(tenant, 'Mine');
    expect(await namesSeen(tenant, 'read-write')).toEqual(['Mine']);
    expect(await namesSeen(tenant, 'read-only')).toEqual(['Mine']);
  });

  it('is made once however often its steps are repeated', async () => {
    const home = newHome(tier, 'again');
    const passwords = { readWrite: generatePassword(), readOnly: generatePassword() };
    await makeHome(bench, bench.admin, home, passwords);
    const before = await onAdmin(SHARED_DATABASE, listHomes);
    for (let round = 0; round < 3; round += 1) await makeHome(bench, bench.admin, home, passwords);
    expect(await onAdmin(SHARED_DATABASE, listHomes)).toEqual(before);
    await onAdmin(ADMIN_DATABASE, async (admin) => {
      expect(await createRoles(admin, home)).toBe('adopted');
      const made = tier === 'enterprise' ? await createDatabase(admin, home, { creationRecorded: false }) : 'adopted';
      expect(made).toBe('adopted');
    });
  });

  it('carries the tenant and the request in the comment of each object', async () => {
    const tenant = await newTenant(bench, tier, 'comment');
    const { tenantId, requestId } = tenant.home;
    const mine = (await onAdmin(SHARED_DATABASE, listHomes)).filter((object) => object.tenantId === tenantId);
    const place = { enterprise: [`database ${tenant.names.database}`], standard: [`schema ${tenant.names.schema}`], small: [] }[
      tier
    ];
    expect(new Set(mine.map(({ kind, name }) => `${kind} ${name}`))).toEqual(
      new Set([...place, `role ${tenant.names.role}`, `role ${tenant.names.readonlyRole}`]),
    );
    expect(new Set(mine.map((object) => object.requestId))).toEqual(new Set([requestId]));
  });

  it('of another request is refused, and left as it was', async () => {
    const tenant = await newTenant(bench, tier, 'other');
    await addClient(tenant, 'Mine');
    const later = { ...tenant.home, requestId: randomUUID() };
    const verifiers = { readWrite: scramVerifier('x'), readOnly: scramVerifier('x') };
    const codes = await onAdmin(ADMIN_DATABASE, async (admin) => [
      await codeOf(createRoles(admin, later)),
      await codeOf(openLogin(admin, later, LIMITS, verifiers)),
      await codeOf(closeLogin(admin, later)),
      ...(tier === 'enterprise' ? [await codeOf(createDatabase(admin, later, UNDO))] : []),
      ...(tier === 'standard' ? [await codeOf(onAdmin(SHARED_DATABASE, (shared) => createSchema(shared, later)))] : []),
    ]);
    expect(new Set(codes)).toEqual(new Set(['foreign_object']));
    const undone = await undo(later);
    expect(undone.removed).toEqual([]);
    const { database, schema, role, readonlyRole } = tenant.names;
    const expected = {
      enterprise: [role, readonlyRole, database],
      standard: [role, readonlyRole, schema],
      small: [role, readonlyRole],
    }[tier];
    expect(undone.kept.map(({ name }) => name).toSorted()).toEqual(expected.toSorted());
    expect(await namesSeen(tenant, 'read-only')).toEqual(['Mine']);
  });

  it('is not made over a role of the same name that is somebody else’s', async () => {
    const home = newHome(tier, 'foreign');
    const { readonlyRole } = homeNames(home.tenantId, tier);
    await asSuperuser('postgres', `create role ${readonlyRole} login`);
    await onAdmin(ADMIN_DATABASE, (admin) => expect(createRoles(admin, home)).rejects.toMatchObject({ code: 'foreign_object' }));
    expect(await undo(home)).toEqual({ removed: [], kept: [{ kind: 'role', name: readonlyRole, counted: {} }] });
    await asSuperuser('postgres', `drop role ${readonlyRole}`);
  });

  it('is undone without a trace, with what was counted, and may be undone again', async () => {
    const neighbour = await newTenant(bench, tier, 'neighbour');
    await addClient(neighbour, 'Neighbour');
    const tenant = await newTenant(bench, tier, 'undone');
    await addClient(tenant, 'One');
    await addClient(tenant, 'Two');
    const inside = await tenant.connect('read-only');
    const { removed, kept } = await undo(tenant.home);
    await inside.end().catch(() => {});
    expect(kept).toEqual([]);
    const { database, schema, role, readonlyRole } = tenant.names;
    const content = {
      enterprise: { kind: 'database', name: database, counted: { tables: 15, rows: 2 } },
      standard: { kind: 'schema', name: schema, counted: { tables: 15, rows: 2 } },
      small: { kind: 'rows', name: 'clients', counted: { rows: 2 } },
    }[tier];
    expect(removed).toEqual([
      content,
      { kind: 'role', name: role, counted: { sessions_ended: 1 } },
      { kind: 'role', name: readonlyRole, counted: {} },
    ]);
    expect(await undo(tenant.home)).toEqual({ removed: [], kept: [] });
    const left = await onAdmin(SHARED_DATABASE, (shared) => inspectHome(shared, tenant.home));
    expect([left.role, left.readonlyRole, left.database, left.schema].filter((part) => part?.exists)).toEqual([]);
    expect(await namesSeen(neighbour, 'read-write')).toEqual(['Neighbour']);
    // The next life of the same tenant begins empty.
    const next = { ...tenant.home, requestId: randomUUID() };
    await makeHome(bench, bench.admin, next, tenant.passwords);
    expect(await namesSeen(tenant, 'read-write')).toEqual([]);
    expect((await undo(tenant.home)).removed).toEqual([]);
    expect(await namesSeen(tenant, 'read-write')).toEqual([]);
  });

  it('is closed to both logins, with their sessions ended, and opened again with the same passwords', async () => {
    const tenant = await newTenant(bench, tier, 'suspended');
    const sessions = [await tenant.connect('read-write'), await tenant.connect('read-only')];
    expect(await onAdmin(ADMIN_DATABASE, (admin) => closeLogin(admin, tenant.home))).toBe(2);
    for (const session of sessions) {
      await expect(session.query('select 1')).rejects.toThrow(/terminat|connection error/i);
      await session.end().catch(() => {});
    }
    for (const kind of ['read-write', 'read-only'] as const)
      await expect(tenant.connect(kind)).rejects.toMatchObject({ code: '28000' });
    const { readWrite, readOnly } = tenant.passwords;
    const verifiers = { readWrite: scramVerifier(readWrite), readOnly: scramVerifier(readOnly) };
    await onAdmin(ADMIN_DATABASE, (admin) => openLogin(admin, tenant.home, LIMITS, verifiers));
    expect(await namesSeen(tenant, 'read-only')).toEqual([]);
  });

  it('lets in as many sessions as its limit, and a resize changes that', async () => {
    const tenant = await newTenant(bench, tier, 'limited');
    await onAdmin(ADMIN_DATABASE, (admin) => setLimits(admin, tenant.home, { ...LIMITS, connectionLimit: 1 }));
    const first = await tenant.connect('read-write');
    await expect(tenant.connect('read-write')).rejects.toMatchObject({ code: '53300' });
    await onAdmin(ADMIN_DATABASE, (admin) => setLimits(admin, tenant.home, { ...LIMITS, connectionLimit: 2 }));
    const second = await tenant.connect('read-write');
    await Promise.all([first.end(), second.end()]);
    const { role } = await onAdmin(ADMIN_DATABASE, (admin) => inspectHome(admin, tenant.home));
    expect(role).toMatchObject({ exists: true, ours: true, canLogin: true, connectionLimit: 2 });
    expect(role.settings).toContain('temp_file_limit=64MB');
  });

  it('takes a rotated password and not the old one; one that the tenant changed itself is repaired', async () => {
    const tenant = await newTenant(bench, tier, 'rotated');
    const session = await tenant.connect('read-write');
    await session.query(
      `alter role ${tenant.names.role} password 'my own'; alter role ${tenant.names.role} set statement_timeout = 0;
      alter role ${tenant.names.role} set work_mem = '1GB'; alter role ${tenant.names.role} in database ${tenant.names.database} set search_path = nowhere`,
    );
    await session.end();
    await expect(tenant.connect('read-write')).rejects.toMatchObject({ code: '28P01' });
    const next = generatePassword();
    const verifiers = { readWrite: scramVerifier(next), readOnly: scramVerifier(next) };
    await onAdmin(ADMIN_DATABASE, (admin) => setVerifiers(admin, tenant.home, verifiers));
    const again = await bench.login(tenant.names.role, next)(tenant.names.database);
    await again.end();
    await expect(tenant.connect('read-only')).rejects.toMatchObject({ code: '28P01' });
    await onAdmin(ADMIN_DATABASE, (admin) => openLogin(admin, tenant.home, LIMITS, verifiers));
    const { role } = await onAdmin(ADMIN_DATABASE, (admin) => inspectHome(admin, tenant.home));
    expect(role.settings.toSorted()).toEqual([
      'idle_in_transaction_session_timeout=30000',
      'statement_timeout=30000',
      'temp_file_limit=64MB',
    ]);
    const repaired = await bench.login(tenant.names.role, next)(tenant.names.database);
    await smokeTest(repaired, tenant.home, 'read-write');
    await repaired.end();
  });

  it('never gets a password sent, and no limit that means none', async () => {
    const tenant = await newTenant(bench, tier, 'checked');
    await onAdmin(ADMIN_DATABASE, async (admin) => {
      const right = scramVerifier('x');
      for (const wrong of ['secret', 'md5abcdef', `${right}'`, '', right.replace('$', '')]) {
        await expect(setVerifiers(admin, tenant.home, { readWrite: right, readOnly: wrong })).rejects.toMatchObject({
          code: 'not_a_verifier',
        });
      }
      for (const wrong of [0, -1, 1.5, Number.NaN, 3_000_000]) {
        await expect(setLimits(admin, tenant.home, { ...LIMITS, connectionLimit: wrong })).rejects.toMatchObject({
          code: 'bad_limits',
        });
      }
    });
  });

  it('cannot be opened before its roles are made', async () => {
    const home = newHome(tier, 'early');
    const verifiers = { readWrite: scramVerifier('x'), readOnly: scramVerifier('x') };
    const codes = await onAdmin(SHARED_DATABASE, async (shared) => [
      await codeOf(openLogin(shared, home, LIMITS, verifiers)),
      ...(tier === 'standard' ? [await codeOf(createSchema(shared, home))] : []),
      ...(tier === 'enterprise' ? [await codeOf(onAdmin(ADMIN_DATABASE, (admin) => createDatabase(admin, home, UNDO)))] : []),
    ]);
    expect(new Set(codes)).toEqual(new Set(['not_prepared']));
    await undo(home);
    expect((await onAdmin(SHARED_DATABASE, listHomes)).filter(({ name }) => name.includes('early'))).toEqual([]);
  });
});

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
      { deadlineMs: 10_000, what: 'the tenant to be connected' },
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
