import { scramVerifier } from '@ultracore/credentials';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrapServer, type Connect, superuserConnect, verifyDatabase, verifyServer, withConnection } from '../src/index.ts';
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

  /** database, what breaks it, what mends it, the finding, and whom it names. */
  const faults: [string, string, string, string, RegExp][] = [
    [
      'postgres',
      'grant connect on database ultracore_shared to public',
      'revoke all on database ultracore_shared from public',
      'public_on_database',
      /ultracore_shared/,
    ],
    [
      'postgres',
      'grant temporary on database postgres to public',
      'revoke all on database postgres from public',
      'public_on_database',
      /postgres/,
    ],
    ['postgres', 'create database stranger', 'drop database stranger', 'public_on_database', /stranger/],
    [
      'postgres',
      'grant create on database ultracore_shared to $small',
      'revoke create on database ultracore_shared from $small',
      'stray_grant',
      /CREATE/,
    ],
    [
      'postgres',
      'grant connect on database $database to $small',
      'revoke connect on database $database from $small',
      'stray_grant',
      /CONNECT/,
    ],
    ['postgres', 'alter role $small bypassrls', 'alter role $small nobypassrls', 'role_attribute', /above row security/],
    ['postgres', 'alter role $small createrole', 'alter role $small nocreaterole', 'role_attribute', /create roles/],
    ['postgres', 'alter role ultracore_admin superuser', 'alter role ultracore_admin nosuperuser', 'role_attribute', /superuser/],
    ['postgres', 'alter role ultracore_maint login', 'alter role ultracore_maint nologin', 'role_attribute', /log in/],
    ['postgres', 'grant pg_read_all_data to $small', 'revoke pg_read_all_data from $small', 'membership', /pg_read_all_data/],
    ['postgres', 'grant ultracore_maint to $standard', 'revoke ultracore_maint from $standard', 'membership', /ultracore_maint/],
    ['postgres', 'grant $standard to $small', 'revoke $standard from $small', 'membership', /is a member/],
    [
      'postgres',
      'grant ultracore_small to $small with set true',
      'revoke ultracore_small from $small',
      'membership',
      /ultracore_small/,
    ],
    [
      'postgres',
      'grant pg_execute_server_program to ultracore_admin',
      'revoke pg_execute_server_program from ultracore_admin',
      'membership',
      /pg_execute/,
    ],
    [
      'postgres',
      'grant pg_read_all_data to ultracore_small',
      'revoke pg_read_all_data from ultracore_small',
      'membership',
      /ultracore_small/,
    ],
    [
      'postgres',
      'revoke pg_signal_backend from ultracore_admin',
      'grant pg_signal_backend to ultracore_admin',
      'membership',
      /pg_signal_backend/,
    ],
    [
      'postgres',
      'revoke set on parameter temp_file_limit from ultracore_admin',
      'grant set on parameter temp_file_limit to ultracore_admin',
      'membership',
      /temp_file_limit/,
    ],
    [
      'ultracore_shared',
      'grant execute on function pg_stat_get_activity(integer) to public',
      'revoke execute on function pg_stat_get_activity(integer) from public',
      'catalog_function',
      /pg_stat_get_activity/,
    ],
    [
      'ultracore_shared',
      'grant execute on function pg_advisory_lock(bigint) to $small',
      'revoke execute on function pg_advisory_lock(bigint) from $small',
      'catalog_function',
      /pg_advisory_lock/,
    ],
    [
      'ultracore_shared',
      'grant execute on function lo_create(oid) to ultracore_small_ro',
      'revoke execute on function lo_create(oid) from ultracore_small_ro',
      'catalog_function',
      /lo_create/,
    ],
    [
      'ultracore_shared',
      'grant usage on language plpgsql to public',
      'revoke usage on language plpgsql from public',
      'language',
      /plpgsql/,
    ],
    ['ultracore_shared', 'create extension dblink', 'drop extension dblink', 'extension', /dblink/],
    [
      'ultracore_shared',
      'grant usage on schema public to public',
      'revoke usage on schema public from public',
      'public_on_schema',
      /public/,
    ],
    [
      'ultracore_shared',
      'grant usage on schema $schema to public',
      'revoke usage on schema $schema from public',
      'public_on_schema',
      /tenant_/,
    ],
    [
      'ultracore_shared',
      'grant usage on schema $schema to $small',
      'revoke usage on schema $schema from $small',
      'stray_grant',
      /USAGE/,
    ],
    [
      'ultracore_shared',
      'grant select on $schema.clients to $small',
      'revoke select on $schema.clients from $small',
      'stray_grant',
      /clients/,
    ],
    [
      'ultracore_shared',
      'grant select on app.clients to public',
      'revoke select on app.clients from public',
      'public_on_relation',
      /app.clients/,
    ],
    [
      'ultracore_shared',
      'grant select on ultracore.migrations to ultracore_small',
      'revoke select on ultracore.migrations from ultracore_small',
      'stray_grant',
      /bookkeeping/,
    ],
    [
      'ultracore_shared',
      'alter table app.clients disable row level security',
      'alter table app.clients enable row level security',
      'row_security',
      /enabled on app.clients/,
    ],
    [
      'ultracore_shared',
      'alter table app.orders no force row level security',
      'alter table app.orders force row level security',
      'row_security',
      /forced on app.orders/,
    ],
    [
      'ultracore_shared',
      'create policy open on app.clients using (true)',
      'drop policy open on app.clients',
      'schema_fault',
      /policy open/,
    ],
    [
      'ultracore_shared',
      'alter policy tenant_rows on app.clients using (true)',
      'alter policy tenant_rows on app.clients using (tenant_id = (select ultracore.current_tenant_id()))',
      'policy',
      /tenant_rows/,
    ],
    [
      'ultracore_shared',
      'alter policy maintenance on app.clients to public',
      'alter policy maintenance on app.clients to ultracore_maint',
      'policy',
      /maintenance/,
    ],
    [
      'ultracore_shared',
      'alter view app.open_orders set (security_invoker = false)',
      'alter view app.open_orders set (security_invoker = true)',
      'schema_fault',
      /open_orders/,
    ],
    [
      'ultracore_shared',
      'create materialized view app.leak as select 1',
      'drop materialized view app.leak',
      'schema_fault',
      /leak/,
    ],
    [
      'ultracore_shared',
      'create function app.leak() returns int language sql security definer return 1',
      'drop function app.leak()',
      'schema_fault',
      /leak/,
    ],
    [
      'ultracore_shared',
      'alter table app.clients owner to postgres',
      'alter table app.clients owner to ultracore_owner',
      'ownership',
      /app.clients/,
    ],
    [
      'ultracore_shared',
      'alter function ultracore.current_tenant_id() security definer',
      'alter function ultracore.current_tenant_id() security invoker',
      'current_tenant_id',
      /current_tenant_id/,
    ],
    [
      '$database',
      'grant execute on function pg_lock_status() to public',
      'revoke execute on function pg_lock_status() from public',
      'catalog_function',
      /pg_lock_status/,
    ],
    [
      '$database',
      'grant create on schema public to public',
      'revoke create on schema public from public',
      'public_on_schema',
      /public/,
    ],
    ['$database', 'alter schema own owner to $enterprise', 'alter schema own owner to ultracore_owner', 'ownership', /own/],
    ['$database', 'create extension file_fdw', 'drop extension file_fdw', 'extension', /file_fdw/],
  ];

  it.each(faults)('in %s is found: %s', async (databaseTemplate, breaking, mending, code, names) => {
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
