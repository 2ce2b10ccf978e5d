import { setTimeout as sleep } from 'node:timers/promises';
import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connect, type Connection, hasSqlState, inTransaction, withConnection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { describe } from '../migrations/refusal.ts';
import { ADMIN_DATABASE, APP_SCHEMA, type Home, homeComment, homeNames, ROLES, SHARED_DATABASE } from '../names.ts';
import { databaseState } from './database.ts';
import { revokeGrantsElsewhere } from './grants-elsewhere.ts';
import { closeRoles } from './login.ts';
import { commentsOfRoles } from './roles.ts';

/** Something of a home, with what was counted in it, if anything was: `{ kind: 'schema', name: 'tenant_acme', counted: { tables: 15, rows: 812 } }`. */
export interface HomeObject {
  readonly kind: 'database' | 'schema' | 'role' | 'rows' | 'comment' | 'migration_history' | 'credentials';
  readonly name: string;
  readonly counted: Record<string, number>;
}

export interface UndoResult {
  /** What this call removed. A repeated call removes nothing. What was in a database or schema is not counted: `takeInventory` does that. */
  readonly removed: readonly HomeObject[];
  /** Objects of the home's names that belong to somebody else, or to another request of this tenant: left as they are. */
  readonly kept: readonly HomeObject[];
}

export interface UndoOptions {
  /** Did the caller record that this request creates the database? See `createDatabase`. */
  readonly creationRecorded: boolean;
}

const DROP_DEADLINE_MS = 30_000;
const LOCK_TIMEOUT = '10s';

/**
 * Removes a home: closes the logins, ends their sessions, drops the database, or the schema, or the rows, then the roles.
 * Exactly what carries this tenant's and this request's comment goes; everything else stays. It may be repeated, and cut off
 * anywhere and repeated. Before it returns it has read the catalogs again: nothing of this home and request is left.
 *
 * DROP ROLE comes last and is itself a proof: Postgres refuses it while anything belongs to, or was granted to, the role.
 * @throws TenantDatabaseError `still_in_use` (a superuser's session in the database), `left_over`.
 */
export async function undoHome(connect: Connect, home: Home, options: UndoOptions): Promise<UndoResult> {
  return home.tier === 'enterprise' ? undoEnterprise(connect, home, options) : undoShared(connect, home);
}

async function undoEnterprise(connect: Connect, home: Home, options: UndoOptions): Promise<UndoResult> {
  const { database } = homeNames(home.tenantId, home.tier);
  const comment = homeComment(home.tenantId, home.requestId);
  return withConnection(connect, ADMIN_DATABASE, async (admin) => {
    const { ours, kept } = await sortRoles(admin, home);
    const roles = await closedRoles(admin, ours);
    const removed: HomeObject[] = [];
    const state = await databaseState(admin, database);
    const cutShort = state?.comment === null && state.ours && (!state.open || state.invalid) && options.creationRecorded;
    if (state !== undefined && (state.comment === comment || cutShort)) {
      await dropDatabase(admin, database, state.invalid);
      removed.push({ kind: 'database', name: database, counted: {} });
    } else if (state !== undefined) {
      kept.push({ kind: 'database', name: database, counted: {} });
    }
    await revokeGrantsElsewhere(connect, admin, ours);
    await dropRoles(admin, ours);
    await assertNothingLeft(admin, home);
    return { removed: [...removed, ...roles], kept };
  });
}

async function undoShared(connect: Connect, home: Home): Promise<UndoResult> {
  return withConnection(connect, SHARED_DATABASE, async (shared) => {
    const { ours, kept } = await sortRoles(shared, home);
    const roles = await closedRoles(shared, ours);
    await revokeGrantsElsewhere(connect, shared, ours);
    const removed = await inTransaction(shared, async () => {
      await shared.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
      const content = home.tier === 'standard' ? await dropSchema(shared, home, kept) : await purgeRows(shared, home, kept);
      await dropRoleStatements(shared, ours);
      return content;
    });
    await assertNothingLeft(shared, home);
    return { removed: [...removed, ...roles], kept };
  });
}

async function sortRoles(connection: Connection, home: Home): Promise<{ ours: string[]; kept: HomeObject[] }> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  const comment = homeComment(home.tenantId, home.requestId);
  const comments = await commentsOfRoles(connection, [role, readonlyRole]);
  const names = [role, readonlyRole].filter((name) => comments.has(name));
  return {
    ours: names.filter((name) => comments.get(name) === comment),
    kept: names.filter((name) => comments.get(name) !== comment).map((name) => ({ kind: 'role', name, counted: {} })),
  };
}

async function closedRoles(connection: Connection, roles: readonly string[]): Promise<HomeObject[]> {
  const sessions = await closeRoles(connection, roles);
  return roles.map((name, index) => ({ kind: 'role', name, counted: index === 0 ? { sessions_ended: sessions } : {} }));
}

/** FORCE ends tenants' and autovacuum's sessions; a superuser's (a dump, a psql) it may not: those are waited for. */
export async function dropDatabase(admin: Connection, database: string, invalid: boolean): Promise<void> {
  // An invalid one (cut off while it was dropped) can only be dropped: any other statement ends the session.
  if (!invalid) await admin.query(`alter database ${quoteIdent(database)} with allow_connections false`);
  const deadline = Date.now() + DROP_DEADLINE_MS;
  for (;;) {
    try {
      await admin.query(`drop database if exists ${quoteIdent(database)} with (force)`);
      return;
    } catch (error) {
      if (!hasSqlState(error, '55006', '42501')) throw error;
      if (Date.now() > deadline) {
        throw new TenantDatabaseError('still_in_use', `Somebody else's session is in database ${database}.`, { cause: error });
      }
      await sleep(250);
    }
  }
}

async function dropSchema(shared: Connection, home: Home, kept: HomeObject[]): Promise<HomeObject[]> {
  const { schema } = homeNames(home.tenantId, home.tier);
  const { rows } = await shared.query<{ comment: string | null }>(
    `select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = $1`,
    [schema],
  );
  const [existing] = rows;
  if (existing === undefined) return [];
  if (existing.comment !== homeComment(home.tenantId, home.requestId)) {
    kept.push({ kind: 'schema', name: schema, counted: {} });
    return [];
  }
  await shared.query('delete from ultracore.homes where home = $1', [schema]);
  await shared.query(`drop schema ${quoteIdent(schema)} cascade`);
  return [{ kind: 'schema', name: schema, counted: {} }];
}

/**
 * As `ultracore_maint`: FORCE ROW LEVEL SECURITY hides the rows from their owner, who would delete 0 without an error. Rows
 * carry no request id: while a role of another request exists they are that request's, and stay.
 */
async function purgeRows(shared: Connection, home: Home, kept: readonly HomeObject[]): Promise<HomeObject[]> {
  if (kept.length > 0) return [];
  await shared.query(`set local role ${ROLES.maint}`);
  const { rows } = await shared.query<{ name: string; removed: string }>(
    `select table_name as name, removed from ultracore.purge_rows('${APP_SCHEMA}', $1) where removed > 0`,
    [home.tenantId],
  );
  await shared.query('reset role');
  return rows.map(({ name, removed }) => ({ kind: 'rows', name, counted: { rows: Number(removed) } }));
}

async function dropRoles(admin: Connection, roles: readonly string[]): Promise<void> {
  await inTransaction(admin, () => dropRoleStatements(admin, roles));
}

/** DROP OWNED takes what the roles were granted, or set as their own defaults; it needs their rights, so the admin joins them first. */
export async function dropRoleStatements(connection: Connection, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return;
  const names = roles.map(quoteIdent).join(', ');
  try {
    await connection.query(
      `grant ${names} to ${ROLES.admin} with inherit true; drop owned by ${names} cascade; drop role ${names};`,
    );
  } catch (error) {
    if (!hasSqlState(error, '2BP01')) throw error;
    throw new TenantDatabaseError('left_over', `Something still belongs to, or was granted to, a role: ${describe(error)}.`, {
      cause: error,
    });
  }
}

/** The proof: no role, database or schema of the server carries this home's comment. */
async function assertNothingLeft(connection: Connection, home: Home): Promise<void> {
  const comment = quoteLiteral(homeComment(home.tenantId, home.requestId));
  const { rows } = await connection.query<{ name: string }>(
    `select 'role ' || rolname as name from pg_roles where shobj_description(oid, 'pg_authid') = ${comment}
     union all select 'database ' || datname from pg_database where shobj_description(oid, 'pg_database') = ${comment}
     union all select 'schema ' || nspname from pg_namespace where obj_description(oid, 'pg_namespace') = ${comment}`,
  );
  if (rows.length === 0) return;
  throw new TenantDatabaseError(
    'left_over',
    `Of the home of ${home.tenantId} there is still ${rows.map(({ name }) => name).join(', ')}.`,
  );
}
