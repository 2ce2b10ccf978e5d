import { scramVerifier } from '@ultracore/credentials';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrapServer, type Connect, superuserConnect, verifyDatabase, verifyServer, withConnection } from '../src/index.ts';
import { FAULTS } from './faults.ts';
import { type Bench, newTenant, startBench, type Tenant } from './homes.ts';

const run = (connect: Connect, database: string, ...statements: string[]) =>
  withConnection(connect, database, async (connection) => {
    for (const statement of statements) await connection.query(statement);
  });

describe('a server that nobody bootstrapped', () => {
  let server: PrivatePostgres;
  beforeAll(async () => {
    server = await startPrivatePostgres();
  });
  afterAll(() => server.stop());

  it('is refused with the list of what is missing, made fit by one call, and stays fit by a second', async () => {
    const superuser = superuserConnect(server.url());
    const missing = await verifyServer(superuser);
    expect(new Set(missing.map(({ code }) => code))).toEqual(new Set(['not_bootstrapped']));
    expect(missing.map(({ detail }) => detail).join('\n')).toMatch(/ultracore_admin[\s\S]*ultracore_shared/);

    await expect(bootstrapServer(server.url())).rejects.toMatchObject({ code: 'bootstrap_refused' });
    const first = await bootstrapServer(server.url(), { adminPassword: 'first' });
    expect(first.findings).toEqual([]);
    expect(first.done).toContain('made database ultracore_shared');
    const second = await bootstrapServer(server.url(), { adminVerifier: scramVerifier('second') });
    expect(second.findings).toEqual([]);
    expect(second.done.filter((sentence) => sentence.startsWith('made'))).toEqual([]);

    const url = new URL(server.url());
    [url.username, url.password] = ['ultracore_admin', 'second'];
    expect(await verifyServer(superuserConnect(url.href))).toEqual([]);
    await expect(bootstrapServer(url.href)).rejects.toMatchObject({ code: 'bootstrap_refused' });
  });

  it('can be bootstrapped by two at once', async () => {
    const both = await Promise.all([1, 2].map(() => bootstrapServer(server.url(), { adminPassword: 'x' })));
    expect(both.map(({ findings }) => findings)).toEqual([[], []]);
  });
});

describe('hardening that a superuser took away', () => {
  let bench: Bench;
  let small: Tenant;
  let standard: Tenant;
  let enterprise: Tenant;
  beforeAll(async () => {
    bench = await startBench();
    small = await newTenant(bench, 'small', 'small');
    standard = await newTenant(bench, 'standard', 'standard');
    enterprise = await newTenant(bench, 'enterprise', 'enterprise');
  });
  afterAll(() => bench.stop());

  const findingsOfServer = () => verifyServer(bench.admin);
  const findingsOfHome = () =>
    withConnection(bench.admin, enterprise.names.database, (home) => verifyDatabase(home, { shared: false }));

  it('is not missed before anything is taken away: a fit server with tenants has no finding', async () => {
    expect(await findingsOfServer()).toEqual([]);
    expect(await findingsOfHome()).toEqual([]);
  });

  it.each(FAULTS)('in %s is found: %s', async (databaseTemplate, breaking, mending, code, names) => {
    const fill = (text: string) =>
      text
        .replaceAll('$small', small.names.role)
        .replaceAll('$standard', standard.names.role)
        .replaceAll('$enterprise', enterprise.names.role)
        .replaceAll('$schema', standard.names.schema)
        .replaceAll('$database', enterprise.names.database);
    const database = fill(databaseTemplate);
    await run(bench.superuser, database, fill(breaking));
    try {
      const findings = await (databaseTemplate === '$database' ? findingsOfHome() : findingsOfServer());
      expect(findings.map((finding) => finding.code)).toContain(`not_hardened:${code}`);
      expect(findings.map(({ detail }) => detail).join('\n')).toMatch(names);
    } finally {
      await run(bench.superuser, database, fill(mending));
    }
  });

  it('is found when current_tenant_id() says something else, and mended by the bootstrap', async () => {
    await run(
      bench.superuser,
      'ultracore_shared',
      `create or replace function ultracore.current_tenant_id() returns text language sql stable parallel safe return current_setting('app.tenant', true)`,
    );
    expect((await findingsOfServer()).map(({ code }) => code)).toEqual(['not_hardened:current_tenant_id']);
    expect((await bootstrapServer(bench.server.url())).findings).toEqual([]);
  });

  it('in an existing home is mended by the bootstrap', async () => {
    await run(bench.superuser, enterprise.names.database, 'grant execute on function pg_lock_status() to public');
    expect(await findingsOfHome()).toHaveLength(1);
    const { done } = await bootstrapServer(bench.server.url());
    expect(done).toContain('hardened 1 existing home');
    expect(await findingsOfHome()).toEqual([]);
  });

  it('is put back by the bootstrap whatever the search_path of a database says', async () => {
    const { database } = enterprise.names;
    await run(
      bench.superuser,
      database,
      'create schema planted',
      'create function planted.has_function_privilege(name, oid, text) returns boolean language sql return false',
      'grant execute on function pg_lock_status() to public',
      `alter database ${database} set search_path = planted, pg_catalog`,
    );
    try {
      await bootstrapServer(bench.server.url());
      expect(await findingsOfHome()).toEqual([]);
    } finally {
      await run(bench.superuser, database, `alter database ${database} reset search_path`, 'drop schema planted cascade');
    }
  });

  it('is found in pg_hba.conf: trust from another machine, and not from this one', async () => {
    const write = (...lines: string[]) =>
      withConnection(bench.superuser, 'postgres', async (connection) => {
        const { rows } = await connection.query<{ file: string; content: string }>(
          `select current_setting('hba_file') as file, pg_read_file(current_setting('hba_file')) as content`,
        );
        const { file = '', content = '' } = rows[0] ?? {};
        const text = [...content.split('\n').filter((line) => !line.endsWith(' trust')), ...lines].map(
          (line) => `('${line.replaceAll("'", "''")}')`,
        );
        await connection.query(`copy (values ${text.join(', ')}) to '${file}'`);
      });
    await write('host all all 127.0.0.1/32 trust');
    expect(await findingsOfServer()).toEqual([]);
    await write('host all all 10.0.0.0/8 trust');
    expect((await findingsOfServer()).map(({ code }) => code)).toEqual(['not_hardened:trust_authentication']);
    await write();
  });

  it('is all mended: the server is fit again', async () => {
    expect(await findingsOfServer()).toEqual([]);
  });
});

describe('a server on which a tenant could keep locks for ever', () => {
  it('is found by its setting', async () => {
    const bench = await startBench(['max_prepared_transactions=5']);
    try {
      expect((await verifyServer(bench.admin)).map(({ code }) => code)).toEqual(['not_hardened:prepared_transactions']);
    } finally {
      await bench.stop();
    }
  });
});
