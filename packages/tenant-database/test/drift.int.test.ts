import { createHash, randomInt } from 'node:crypto';
import { TIERS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDriftCheck,
  DIFFERENCES_LISTED,
  type DriftCheck,
  type DriftReport,
  homeNames,
  type Migration,
  runMigrations,
  SHARED_DATABASE,
  withConnection,
} from '../src/index.ts';
import { EVERY_CHANGE, EVERY_CHANGE_TOLD, MANY_KINDS } from './drift-changes.ts';
import { type Bench, newHome, newTenant, startBench, type Tenant } from './homes.ts';
import { cutting } from './kills.ts';
import { claim, stocked } from './stock-kills.ts';

let bench: Bench;
let check: DriftCheck;
beforeAll(async () => {
  bench = await startBench();
  check = createDriftCheck({ connect: bench.admin, migrations: bench.migrations });
});
afterAll(() => bench.stop());

const migration = (version: string, sql: string): Migration => ({
  version,
  name: `step_${version}`,
  sql,
  checksum: createHash('sha256').update(sql).digest('hex'),
  changesData: false,
});

const lookAt = (tenant: Tenant, by: DriftCheck) =>
  withConnection(bench.admin, tenant.names.database, (home) => by.look(home, tenant.home));

async function reportOf(tenant: Tenant, by: DriftCheck): Promise<DriftReport> {
  const seen = await lookAt(tenant, by);
  if (!seen.judged) throw new Error(`not judged: ${seen.because}`);
  return seen.report;
}

/** As a superuser could, with the home's schema as the search_path. */
const change = (tenant: Tenant, sql: string) =>
  withConnection(bench.superuser, tenant.names.database, (home) =>
    home.query(
      `set search_path = ${tenant.names.schema}; ${sql.replaceAll('%LOGIN%', tenant.names.role).replaceAll('%SCHEMA%', tenant.names.schema)}`,
    ),
  );

const NOT_A_DIFFERENCE = { differences: [], count: 0, fingerprint: '' };

/** What is there of homes that were made to be compared with. */
const scratches = () =>
  withConnection(bench.superuser, SHARED_DATABASE, async (shared) => {
    const { rows } = await shared.query<{ name: string }>(
      `select nspname as name from pg_namespace where nspname ~ 'drift__' union all select rolname from pg_roles where rolname ~ 'drift_'
       union all select home from ultracore.homes where home ~ 'drift__'`,
    );
    return rows.map(({ name }) => name);
  });

describe.each(TIERS)('a home of tier %s that nobody changed', (tier) => {
  it('shows no difference, whatever its tenant made for itself, and nothing is left of what it was compared with', async () => {
    const tenant = await newTenant(bench, tier, 'clean');
    const login = await tenant.connect('read-write');
    await login.query(`alter default privileges in schema ${tenant.names.schema} grant all on tables to public`);
    if (tier === 'enterprise') {
      await login.query(`create table own.clients (id int primary key default 7); create view own.v as select * from app.clients;
        create function own.lower(text) returns text language sql as 'select 1 / 0'; alter default privileges in schema own grant all on tables to public`);
    }
    await login.end();
    expect(await reportOf(tenant, check)).toEqual({ version: '0007', ...NOT_A_DIFFERENCE });
    expect(await scratches()).toEqual([]);
  });
});

it.each(['enterprise', 'standard'] as const)('a %s home that was taken from stock shows no difference', async (tier) => {
  const home = newHome(tier, 'taken');
  expect(await claim(bench.admin, home, await stocked(bench, tier))).toBe('claimed');
  const seen = await withConnection(bench.admin, homeNames(home.tenantId, tier).database, (own) => check.look(own, home));
  expect(seen).toEqual({ judged: true, report: { version: '0007', ...NOT_A_DIFFERENCE } });
});

describe('what somebody changed in a home', () => {
  const manyKinds = [migration('0001', MANY_KINDS)];
  const changeable = (name: string, tier: 'enterprise' | 'standard' = 'standard') =>
    newTenant({ ...bench, migrations: manyKinds }, tier, name);
  let version1: DriftCheck;
  beforeAll(() => {
    version1 = createDriftCheck({ connect: bench.admin, migrations: manyKinds });
  });

  it('is told, each kind of change by name', async () => {
    const tenant = await changeable('changed');
    expect(await reportOf(tenant, version1)).toEqual({ version: '0001', ...NOT_A_DIFFERENCE });
    await change(tenant, EVERY_CHANGE);
    const report = await reportOf(tenant, version1);
    const { role, schema } = tenant.names;
    const told = report.differences.map((sentence) =>
      sentence
        .replaceAll(role, '%LOGIN%')
        .replaceAll(schema, '%SCHEMA%')
        .replaceAll(/\b[0-9a-f]{12}\b/g, '%DIGEST%'),
    );
    expect(told).toEqual(EVERY_CHANGE_TOLD);
    expect(report).toMatchObject({ version: '0001', count: EVERY_CHANGE_TOLD.length });
  });

  it('is told no more once it is put right, and is the same report in every process', async () => {
    const tenant = await changeable('put-right', 'enterprise');
    await change(tenant, 'alter table positions rename column note to remark');
    const report = await reportOf(tenant, version1);
    const differences = ['table positions: column note is missing', 'table positions: column remark is not part of version 0001'];
    expect(report).toEqual({ version: '0001', differences, count: 2, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await reportOf(tenant, createDriftCheck({ connect: bench.admin, migrations: manyKinds }))).toEqual(report);
    await change(tenant, 'alter table positions rename column remark to note');
    expect(await reportOf(tenant, version1)).toEqual({ version: '0001', ...NOT_A_DIFFERENCE });
  });

  it('is counted in full and listed in part', async () => {
    const tenant = await changeable('crowded');
    await change(tenant, Array.from({ length: 70 }, (_, n) => `create table "x\n${n}" ()`).join(';'));
    const report = await reportOf(tenant, version1);
    expect(report).toMatchObject({ count: 70 });
    expect(report.differences).toHaveLength(DIFFERENCES_LISTED);
    expect(report.differences[0]).toBe('table x 0 is not part of version 0001');
  });

  it('is one difference when the whole schema is gone', async () => {
    const tenant = await changeable('gone');
    await change(tenant, 'drop schema "%SCHEMA%" cascade');
    expect((await reportOf(tenant, version1)).differences).toEqual(['the schema is missing']);
  });
});

describe('a version', () => {
  const one = migration('0001', 'create table a (tenant_id text, id int)');
  const two = migration('0002', 'alter table a add column more text; create table b ()');

  it('is what a home is compared with, not the newest; one that is not known here, or none, is not judged', async () => {
    const tenant = await newTenant({ ...bench, migrations: [one] }, 'standard', 'versions');
    const both = createDriftCheck({ connect: bench.admin, migrations: [one, two] });
    expect(await reportOf(tenant, both)).toEqual({ version: '0001', ...NOT_A_DIFFERENCE });
    await change(tenant, 'create table b ()');
    expect((await reportOf(tenant, both)).differences).toEqual(['table b is not part of version 0001']);
    await change(tenant, 'drop table b');
    await withConnection(bench.admin, SHARED_DATABASE, (home) =>
      runMigrations(home, { schema: tenant.names.schema, migrations: [one, two] }),
    );
    expect(await reportOf(tenant, both)).toEqual({ version: '0002', ...NOT_A_DIFFERENCE });
    const behind = createDriftCheck({ connect: bench.admin, migrations: [one] });
    expect(await lookAt(tenant, behind)).toEqual({ judged: false, because: 'unknown_version' });
    await change(tenant, `delete from ultracore.migrations where home = '%SCHEMA%'`);
    expect(await lookAt(tenant, both)).toEqual({ judged: false, because: 'not_migrated' });
  });

  it('that is reached while the home is looked at makes no difference: the home is looked at again later', async () => {
    const tenant = await newTenant({ ...bench, migrations: [one] }, 'standard', 'overtaken');
    const both = createDriftCheck({ connect: bench.admin, migrations: [one, two] });
    const upgrade = () =>
      withConnection(bench.admin, SHARED_DATABASE, (home) =>
        runMigrations(home, { schema: tenant.names.schema, migrations: [one, two] }),
      );
    const seen = await withConnection(bench.admin, SHARED_DATABASE, (home) => {
      let asked = 0;
      const query = async (text: string, values?: unknown[]): Promise<unknown> => {
        const answer = await home.query(text, values);
        asked += 1;
        // The first question is that for the version.
        if (asked === 1) await upgrade();
        return answer;
      };
      return both.look(new Proxy(home, { get: (_, property) => (property === 'query' ? query : undefined) }), tenant.home);
    });
    expect(seen).toEqual({ judged: false, because: 'changing' });
    expect(await reportOf(tenant, both)).toEqual({ version: '0002', ...NOT_A_DIFFERENCE });
  });

  it('that was applied with another text, or never, is told', async () => {
    const tenant = await newTenant({ ...bench, migrations: [one, two] }, 'standard', 'texts');
    await change(tenant, `delete from ultracore.migrations where home = '%SCHEMA%' and version = '0001'`);
    const edited = createDriftCheck({ connect: bench.admin, migrations: [one, { ...two, checksum: 'another' }] });
    expect((await reportOf(tenant, edited)).differences).toEqual([
      'migration 0001 is missing',
      `migration 0002: text is ${two.checksum}, should be another`,
    ]);
  });
});

describe('what a home is compared with', () => {
  const one = migration('0001', 'create table a (tenant_id text, id int)');

  it('is gone wherever its making was cut off, and made again by the next look', async () => {
    const tenant = await newTenant({ ...bench, migrations: [one] }, 'standard', 'cut');
    const whole = cutting(bench, undefined);
    await reportOf(tenant, createDriftCheck({ connect: whole.connect, migrations: [one] }));
    expect(whole.sent()).toBeGreaterThan(5);
    // Spread over the making, from a place drawn anew each run. The last statement takes back what was made: without it, too, nothing stays.
    for (let statement = 1 + randomInt(4); statement < whole.sent(); statement += 4) {
      const { connect } = cutting(bench, { statement, when: randomInt(2) === 0 ? 'before' : 'after' });
      const killed = createDriftCheck({ connect, migrations: [one] });
      await expect(reportOf(tenant, killed)).rejects.toThrow(/cut off|connection error/i);
      expect([statement, await reportOf(tenant, killed)]).toEqual([statement, { version: '0001', ...NOT_A_DIFFERENCE }]);
      expect([statement, await scratches()]).toEqual([statement, []]);
    }
  });

  it('is swept away by the next look where a migration made it last', async () => {
    const tenant = await newTenant({ ...bench, migrations: [one] }, 'standard', 'lasting');
    const ending = createDriftCheck({ connect: bench.admin, migrations: [{ ...one, sql: `${one.sql}; commit; begin` }] });
    await expect(lookAt(tenant, ending)).rejects.toMatchObject({ code: 'migration_failed' });
    expect(await scratches()).not.toEqual([]);
    expect(await reportOf(tenant, createDriftCheck({ connect: bench.admin, migrations: [one] }))).toMatchObject({ count: 0 });
    expect(await scratches()).toEqual([]);
  });
});
