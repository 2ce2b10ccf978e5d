import { type Connect, type Connection, withConnection } from '../client.ts';
import type { HomeObject } from '../home/undo.ts';
import { SHARED_DATABASE } from '../names.ts';
import { searchWithMarker } from './marker.ts';
import { countRows } from './rows.ts';
import { commentPattern, namesOf } from './traces.ts';

/**
 * Searches a server for anything of a tenant, whoever made it: roles, databases and schemas by name and by comment, settings of
 * roles, the bookkeeping of migrations, and the tenant's rows in every table that tenants share. Empty = nothing is left.
 *
 * That no grant, membership, default privilege or owned object is left anywhere, in any database, follows from the roles being
 * gone: Postgres refuses to drop a role that anything still refers to. What other tenants wrote in homes of their own is theirs.
 * @throws TenantDatabaseError `blind` when it could not have seen: an empty answer is never a guess.
 */
export async function findLeftovers(connect: Connect, tenantId: string): Promise<HomeObject[]> {
  return withConnection(connect, SHARED_DATABASE, async (shared) => {
    await shared.query('begin');
    try {
      const objects = await findObjects(shared, tenantId);
      return [...objects, ...(await searchWithMarker(shared, tenantId, () => countRows(shared, tenantId)))];
    } finally {
      await shared.query('rollback');
    }
  });
}

async function findObjects(shared: Connection, tenantId: string): Promise<HomeObject[]> {
  const { roles, database, schema } = namesOf(tenantId);
  const { rows } = await shared.query<{ kind: HomeObject['kind']; name: string }>(FIND_OBJECTS, [
    roles,
    database,
    schema,
    commentPattern(tenantId),
  ]);
  return rows.map(({ kind, name }) => ({ kind, name, counted: {} }));
}

const FIND_OBJECTS = `
select 'role' as kind, rolname::text as name from pg_roles
 where rolname = any ($1) or shobj_description(oid, 'pg_authid') like $4
union select 'database', datname from pg_database where datname = $2 or shobj_description(oid, 'pg_database') like $4
union select 'schema', nspname from pg_namespace where nspname = $3 or obj_description(oid, 'pg_namespace') like $4
union select 'comment', 'on ' || classoid::regclass::text || ' ' || objoid::text from pg_description
 where description like $4 and classoid <> 'pg_namespace'::regclass
union select 'comment', 'on ' || classoid::regclass::text || ' ' || objoid::text from pg_shdescription
 where description like $4 and classoid not in ('pg_authid'::regclass, 'pg_database'::regclass)
union select 'migration_history', home from ultracore.homes where home = $3
union select 'migration_history', home from ultracore.migrations where home = $3
order by 1, 2`;
