import { randomUUID } from 'node:crypto';
import { TIERS } from '@ultracore/contracts';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_DATABASE,
  closeLogin,
  createDatabase,
  createRoles,
  createSchema,
  type Home,
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
import { addClient, type Bench, LIMITS, makeHome, namesSeen, newHome, newTenant, startBench } from './homes.ts';

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

async function codeOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  return outcome instanceof Error && 'code' in outcome ? String(outcome.code) : 'done';
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

  it('is undone without a trace, says what was removed, and may be undone again', async () => {
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
      enterprise: { kind: 'database', name: database, counted: {} },
      standard: { kind: 'schema', name: schema, counted: {} },
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
    const straysOf = async () => (await onAdmin(ADMIN_DATABASE, (admin) => inspectHome(admin, tenant.home))).role.strays;
    const made = { enterprise: 'app, own, pg_temp', standard: `${tenant.names.schema}, pg_temp`, small: 'app, pg_temp' }[tier];
    expect(await straysOf()).toEqual(['search_path=nowhere in its database', `not search_path=${made}`]);
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
    expect(role.strays).toEqual([]);
    const repaired = await bench.login(tenant.names.role, next)(tenant.names.database);
    await smokeTest(repaired, tenant.home, 'read-write');
    const self = `alter role current_user in database ${tenant.names.database}`;
    await repaired.query(`${self} reset all`);
    expect(await straysOf()).toEqual([`not search_path=${made}`]);
    await repaired.query(`${self} set search_path = ${made}; ${self} set statement_timeout = 0`);
    expect(await straysOf()).toEqual(['statement_timeout=0 in its database']);
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
