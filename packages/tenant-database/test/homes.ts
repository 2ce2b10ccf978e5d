import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Tier } from '@ultracore/contracts';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { Client } from 'pg';
import {
  bootstrapServer,
  type Connect,
  type Home,
  homeNames,
  loadMigrations,
  type LoginLimits,
  type Migration,
  runMigrations,
  SHARED_DATABASE,
  superuserConnect,
  withConnection,
} from '../src/index.ts';
import { makeHome as makeWholeHome } from '../src/testing/index.ts';

export const LIMITS: LoginLimits = {
  connectionLimit: 8,
  statementTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 30_000,
  tempFileLimitMb: 64,
};

const MIGRATIONS = fileURLToPath(new URL('../../../infra/tenant-schema/migrations', import.meta.url));

/** A bootstrapped server with the small tier's schema in place. */
export interface Bench {
  readonly server: PrivatePostgres;
  readonly migrations: readonly Migration[];
  readonly admin: Connect;
  /** User and password of `admin`. */
  readonly adminLogin: readonly [string, string];
  readonly superuser: Connect;
  login(user: string, password: string): (database: string) => Promise<Client>;
  stop(): Promise<void>;
}

export async function startBench(settings: readonly string[] = []): Promise<Bench> {
  const server = await startPrivatePostgres(settings);
  const adminPassword = generatePassword();
  await bootstrapServer(server.url(), { adminPassword });
  const login = (user: string, password: string) => async (database: string) => {
    const client = new Client({ host: server.host, port: server.port, user, password, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const adminLogin = ['ultracore_admin', adminPassword] as const;
  const admin = login(...adminLogin);
  const migrations = await loadMigrations(MIGRATIONS);
  await withConnection(admin, SHARED_DATABASE, (shared) => runMigrations(shared, { schema: 'app', migrations, shared: true }));
  return { server, migrations, admin, adminLogin, superuser: superuserConnect(server.url()), login, stop: () => server.stop() };
}

export const newHome = (tier: Tier, name: string): Home => ({
  tenantId: `${name}-${randomUUID().slice(0, 8)}`,
  tier,
  requestId: randomUUID(),
});

/** A home with its passwords and a way in through each of its logins. */
export interface Tenant {
  readonly home: Home;
  readonly names: ReturnType<typeof homeNames>;
  readonly passwords: { readonly readWrite: string; readonly readOnly: string };
  connect(kind: 'read-write' | 'read-only', database?: string): Promise<Client>;
}

/** As `makeHome` of `src/testing`, with the bench's migrations and limits. Of small tenants the tables are there: the bench has made them. */
export async function makeHome(
  { migrations }: Pick<Bench, 'migrations'>,
  connect: Connect,
  home: Home,
  { readWrite, readOnly }: Tenant['passwords'],
): Promise<void> {
  await makeWholeHome(connect, home, {
    migrations: home.tier === 'small' ? [] : migrations,
    limits: LIMITS,
    verifiers: { readWrite: scramVerifier(readWrite), readOnly: scramVerifier(readOnly) },
  });
}

export async function newTenant(bench: Bench, tier: Tier, name: string): Promise<Tenant> {
  const home = newHome(tier, name);
  const passwords = { readWrite: generatePassword(), readOnly: generatePassword() };
  await makeHome(bench, bench.admin, home, passwords);
  const names = homeNames(home.tenantId, tier);
  return {
    home,
    names,
    passwords,
    connect: (kind, database = names.database) =>
      kind === 'read-write'
        ? bench.login(names.role, passwords.readWrite)(database)
        : bench.login(names.readonlyRole, passwords.readOnly)(database),
  };
}

export async function addClient(tenant: Tenant, name: string): Promise<void> {
  const client = await tenant.connect('read-write');
  await client.query(`insert into clients (kind, family_name) values ('person', $1)`, [name]);
  await client.end();
}

export async function namesSeen(tenant: Tenant, kind: 'read-write' | 'read-only'): Promise<string[]> {
  const client = await tenant.connect(kind);
  const { rows } = await client.query<{ family_name: string }>('select family_name from clients order by 1');
  await client.end();
  return rows.map((row) => row.family_name);
}

/** The same bench with homes of a single table, where what is in a home does not matter. */
export function withOneTable(bench: Bench): Bench {
  const sql =
    'create table only_one (tenant_id text not null default ultracore.current_tenant_id(), id int, primary key (tenant_id, id))';
  const migration: Migration = { version: '0000', name: 'only_one', sql, checksum: 'only_one', changesData: false };
  return { ...bench, migrations: [migration] };
}
