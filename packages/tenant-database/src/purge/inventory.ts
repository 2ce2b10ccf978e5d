import { quoteIdent } from '@ultracore/postgres';
import { type Connect, type Connection, inTransaction, withConnection } from '../client.ts';
import { countSchema } from '../home/count.ts';
import { closeRoles } from '../home/login.ts';
import type { HomeObject } from '../home/undo.ts';
import { ADMIN_DATABASE, APP_SCHEMA, type Home, homeNames, OWN_SCHEMA, SHARED_DATABASE } from '../names.ts';
import { countRows } from './rows.ts';
import { commentPattern, namesOf } from './traces.ts';

/**
 * Closes every login that carries this tenant's comment, of whatever request, and ends its sessions; returns how many were ended.
 * A role that only has the tenant's name is somebody else's, and left alone.
 */
export async function closeTenant(connect: Connect, tenantId: string): Promise<number> {
  return withConnection(connect, ADMIN_DATABASE, async (admin) => {
    const { rows } = await admin.query<{ name: string }>(
      `select rolname as name from pg_roles
        where rolname = any ($1) and shobj_description(oid, 'pg_authid') like $2 order by rolname`,
      [namesOf(tenantId).roles, commentPattern(tenantId)],
    );
    return closeRoles(
      admin,
      rows.map(({ name }) => name),
    );
  });
}

/** The ids of all requests whose objects are on the server, by the comments of databases, roles and schemas. */
export async function listRequestsOf(connect: Connect, tenantId: string): Promise<string[]> {
  return withConnection(connect, SHARED_DATABASE, async (shared) => {
    const { rows } = await shared.query<{ id: string }>(
      `select distinct right(description, 36) as id from (
         select description from pg_shdescription where classoid in ('pg_database'::regclass, 'pg_authid'::regclass)
         union all select description from pg_description where classoid = 'pg_namespace'::regclass) d
        where description like $1 order by 1`,
      [commentPattern(tenantId)],
    );
    return rows.map(({ id }) => id);
  });
}

/**
 * What there is of a tenant whose logins are closed, with what was counted in it: its database or schema, its rows among those
 * of other tenants, its roles. To be kept before anything is removed. Nothing is read through an object of the tenant's own.
 */
export async function takeInventory(connect: Connect, home: Home): Promise<HomeObject[]> {
  const names = namesOf(home.tenantId);
  const roles = await withConnection(connect, ADMIN_DATABASE, (admin) =>
    existing(admin, `select rolname as name from pg_roles where rolname = any ($1) order by 1`, names.roles),
  );
  const content = home.tier === 'enterprise' ? await databaseContent(connect, home) : await sharedContent(connect, home);
  return [...content, ...roles.map((name): HomeObject => ({ kind: 'role', name, counted: {} }))];
}

async function databaseContent(connect: Connect, home: Home): Promise<HomeObject[]> {
  const { database } = homeNames(home.tenantId, home.tier);
  const found = await withConnection(connect, ADMIN_DATABASE, (admin) =>
    existing(admin, 'select datname as name from pg_database where datname = any ($1) and datallowconn and datconnlimit <> -2', [
      database,
    ]),
  );
  if (found.length === 0) return [];
  const counted = await withConnection(connect, database, async (db) => ({
    ...(await countSchema(db, APP_SCHEMA)),
    own_relations: await countRelations(db, OWN_SCHEMA),
  }));
  return [{ kind: 'database', name: database, counted }];
}

async function sharedContent(connect: Connect, home: Home): Promise<HomeObject[]> {
  return withConnection(connect, SHARED_DATABASE, async (shared) => {
    if (home.tier === 'small') return inTransaction(shared, () => countRows(shared, home.tenantId));
    const { schema } = homeNames(home.tenantId, home.tier);
    const found = await existing(shared, 'select nspname as name from pg_namespace where nspname = any ($1)', [schema]);
    return found.length === 0 ? [] : [{ kind: 'schema', name: schema, counted: await countSchema(shared, schema) }];
  });
}

async function existing(connection: Connection, sql: string, names: readonly string[]): Promise<string[]> {
  const { rows } = await connection.query<{ name: string }>(sql, [names]);
  return rows.map(({ name }) => name);
}

/** What a tenant made itself is counted by the catalog alone. */
async function countRelations(connection: Connection, schema: string): Promise<number> {
  const { rows } = await connection.query<{ count: number }>(
    'select count(*)::int as count from pg_class where relnamespace = to_regnamespace($1)',
    [quoteIdent(schema)],
  );
  return rows[0]?.count ?? 0;
}
