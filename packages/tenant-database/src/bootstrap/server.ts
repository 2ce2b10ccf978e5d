import { scramVerifier } from '@ultracore/credentials';
import { quoteIdent } from '@ultracore/postgres';
import { Client } from 'pg';
import { type Connect, type Connection, withConnection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { CREATE_DATABASE_LOCK } from '../home/database.ts';
import { ADMIN_DATABASE, ROLES, SHARED_DATABASE, TEMPLATE_DATABASE } from '../names.ts';
import { stockIdOf } from '../stock/names.ts';
import type { Finding } from '../verify/finding.ts';
import { verifyServer } from '../verify/server.ts';
import { serverVersion, tooOld } from '../verify/version.ts';
import { hardenSql } from './hardening.ts';
import { ensureRoles } from './roles.ts';
import { SHARED_SUPPORT_SQL, SUPPORT_SQL } from './support.ts';

export interface BootstrapOptions {
  /** Password of `ultracore_admin`; only its verifier is sent. Without it (and without a verifier) an existing one stays. */
  readonly adminPassword?: string | undefined;
  readonly adminVerifier?: string | undefined;
}

/** What a bootstrap did (one sentence each) and what its verification still finds (empty = fit). */
export interface BootstrapResult {
  readonly done: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Makes a server fit for tenants: roles, hardened template, shared database; then reads everything back. Needs a superuser,
 * once, and again after an upgrade of Postgres: it is safe to repeat, also while tenants work, and hardens every existing home
 * again; databases in stock it drops, because they are made of what was before. Two bootstraps at once run one after the other.
 *
 * It shuts PUBLIC out of `postgres`, `template0` and `template1`; databases it did not make it only reports.
 * @throws TenantDatabaseError `too_old`, or `bootstrap_refused` (not a superuser, no password for a new admin).
 */
export async function bootstrapServer(superuserUrl: string, options: BootstrapOptions = {}): Promise<BootstrapResult> {
  const connect = superuserConnect(superuserUrl);
  const verifier =
    options.adminVerifier ?? (options.adminPassword === undefined ? undefined : scramVerifier(options.adminPassword));
  const done = await withConnection(connect, ADMIN_DATABASE, async (superuser) => {
    await assertCanBootstrap(superuser);
    // The lock of CREATE DATABASE: a session in the template, ours included, would make one fail.
    await superuser.query('select pg_advisory_lock($1)', [CREATE_DATABASE_LOCK]);
    return [
      ...(await ensureRoles(superuser, verifier)).map((role) => `made role ${role}`),
      ...(await closeMaintenanceDatabases(superuser)),
      ...(await prepareTemplate(superuser, connect)),
      ...(await prepareShared(superuser, connect)),
      ...(await dropStock(superuser)),
      ...(await hardenHomes(superuser, connect)),
    ];
  });
  return { done, findings: await verifyServer(connect) };
}

/** Opens databases of a server as the superuser of the URL, whatever database the URL names. */
export function superuserConnect(superuserUrl: string): Connect {
  return async (database) => {
    const url = new URL(superuserUrl);
    url.pathname = `/${encodeURIComponent(database)}`;
    const client = new Client({ connectionString: url.href, application_name: 'ultracore bootstrap' });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
}

async function assertCanBootstrap(connection: Connection): Promise<void> {
  const old = tooOld(await serverVersion(connection));
  if (old !== undefined) throw new TenantDatabaseError('too_old', old.detail);
  const { rows } = await connection.query<{ super: string }>(`select current_setting('is_superuser') as super`);
  if (rows[0]?.super !== 'on') throw new TenantDatabaseError('bootstrap_refused', 'A bootstrap needs a superuser.');
}

async function closeMaintenanceDatabases(superuser: Connection): Promise<string[]> {
  await superuser.query(`
    revoke all on database postgres, template0, template1 from public;
    grant connect on database postgres to ${ROLES.admin}, pg_monitor;
    grant execute on function pg_hba_file_rules() to ${ROLES.admin};
    grant select on pg_hba_file_rules to ${ROLES.admin};`);
  return ['shut PUBLIC out of postgres, template0 and template1'];
}

async function prepareTemplate(superuser: Connection, connect: Connect): Promise<string[]> {
  const made = await ensureDatabase(superuser, TEMPLATE_DATABASE, `template template0 encoding 'UTF8' allow_connections false`);
  await superuser.query(`revoke all on database ${TEMPLATE_DATABASE} from public`);
  await superuser.query(`alter database ${TEMPLATE_DATABASE} with is_template true allow_connections true`);
  try {
    await withConnection(connect, TEMPLATE_DATABASE, (template) => prepareDatabase(template, false));
  } finally {
    // From here on nobody may be in it: a session there makes CREATE DATABASE wait and fail.
    await superuser.query(`alter database ${TEMPLATE_DATABASE} with allow_connections false`);
  }
  return [...(made ? [`made database ${TEMPLATE_DATABASE}`] : []), `hardened ${TEMPLATE_DATABASE}`];
}

async function prepareShared(superuser: Connection, connect: Connect): Promise<string[]> {
  const made = await ensureDatabase(superuser, SHARED_DATABASE, `template ${TEMPLATE_DATABASE} allow_connections false`);
  await superuser.query(`
    revoke all on database ${SHARED_DATABASE} from public;
    grant connect on database ${SHARED_DATABASE} to ${ROLES.sharedAccess};
    alter database ${SHARED_DATABASE} with allow_connections true;`);
  await withConnection(connect, SHARED_DATABASE, (shared) => prepareDatabase(shared, true));
  return [...(made ? [`made database ${SHARED_DATABASE}`] : []), `hardened ${SHARED_DATABASE}`];
}

/**
 * Databases in stock, half made or ready, were cloned from the template as it was before. Hardening one would need a session in it,
 * which a claim would meet: they are dropped, and whoever keeps the stock makes others. One that a claim has renamed meanwhile is a home,
 * and is hardened as such; none is made while the lock of CREATE DATABASE is held.
 */
async function dropStock(superuser: Connection): Promise<string[]> {
  const { rows } = await superuser.query<{ name: string }>(
    `select datname as name from pg_database where starts_with(datname, 'ultracore__stock_') and datdba = '${ROLES.owner}'::regrole order by 1`,
  );
  const stock = rows.filter(({ name }) => stockIdOf(name) !== undefined);
  for (const { name } of stock) await superuser.query(`drop database if exists ${quoteIdent(name)} with (force)`);
  return stock.length === 0 ? [] : [`dropped ${stock.length} ${stock.length === 1 ? 'database' : 'databases'} in stock`];
}

/** Databases of tenants that exist already: the hardening may have come later than they did. */
async function hardenHomes(superuser: Connection, connect: Connect): Promise<string[]> {
  const { rows } = await superuser.query<{ datname: string }>(
    `select datname from pg_database
      where datallowconn and datconnlimit <> -2 and shobj_description(oid, 'pg_database') ~ '^ultracore home of ' order by datname`,
  );
  for (const { datname } of rows) await withConnection(connect, datname, (home) => prepareDatabase(home, false));
  return rows.length === 0 ? [] : [`hardened ${rows.length} existing ${rows.length === 1 ? 'home' : 'homes'}`];
}

/**
 * One transaction, so that a database is never half hardened; a search_path of its own, so that no name in it means something a
 * tenant's database says. Objects are made by `ultracore_owner`, never by the superuser.
 */
async function prepareDatabase(connection: Connection, shared: boolean): Promise<void> {
  await connection.query(`begin;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
${hardenSql(shared)}
set local role ${ROLES.owner};
${SUPPORT_SQL}
${shared ? SHARED_SUPPORT_SQL : ''}
commit;`);
}

async function ensureDatabase(superuser: Connection, name: string, options: string): Promise<boolean> {
  const { rowCount } = await superuser.query('select from pg_database where datname = $1', [name]);
  if (rowCount !== 0) return false;
  await superuser.query(`create database ${quoteIdent(name)} owner ${ROLES.owner} ${options}`);
  return true;
}
