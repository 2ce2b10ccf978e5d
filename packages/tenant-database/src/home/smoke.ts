import { quoteIdent } from '@ultracore/postgres';
import type { Connection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { type Home, homeNames } from '../names.ts';

/**
 * The last check before a home is called ready, on a connection that was opened with one of its credentials: the login is the
 * tenant, finds every migrated table by its bare name, may read it, and may write it exactly if it is not the read-only one.
 * @throws TenantDatabaseError `smoke_failed`, with what was wrong.
 */
export async function smokeTest(connection: Connection, home: Home, kind: 'read-write' | 'read-only'): Promise<void> {
  const names = homeNames(home.tenantId, home.tier);
  const expected = kind === 'read-write' ? names.role : names.readonlyRole;
  const { rows: who } = await connection.query<{ login: string; tenant: string | null; database: string; schema: string | null }>(
    `select session_user as login, ultracore.current_tenant_id() as tenant, current_database() as database, current_schema() as schema`,
  );
  const [me] = who;
  if (me?.login !== expected) throw failed(expected, `it is ${me?.login ?? 'nobody'}`);
  if (me.tenant !== home.tenantId) throw failed(expected, `it stands for tenant ${me.tenant ?? 'none'}`);
  if (me.database !== names.database || me.schema !== names.schema) {
    throw failed(expected, `it is in ${me.database}.${me.schema ?? '(no schema)'}`);
  }
  const { rows: tables } = await connection.query<{ name: string; visible: boolean; reads: boolean; writes: boolean }>(
    `select c.relname as name, pg_table_is_visible(c.oid) as visible, has_table_privilege(c.oid, 'select') as reads,
            has_table_privilege(c.oid, 'insert') or has_table_privilege(c.oid, 'update') or has_table_privilege(c.oid, 'delete') as writes
       from pg_depend d join pg_class c on c.oid = d.objid
      where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_namespace'::regclass
        and d.refobjid = to_regnamespace($1)::oid and c.relkind in ('r', 'p') order by c.relname`,
    [quoteIdent(names.schema)],
  );
  for (const table of tables) {
    if (!table.visible || !table.reads) throw failed(expected, `it cannot read ${table.name}`);
    if (table.writes !== (kind === 'read-write'))
      throw failed(expected, `it may ${table.writes ? '' : 'not '}write ${table.name}`);
  }
  const [first] = tables;
  if (first === undefined) throw failed(expected, 'its home has no table');
  await connection.query(`select from ${quoteIdent(first.name)} limit 1`);
}

function failed(login: string, why: string): TenantDatabaseError {
  return new TenantDatabaseError('smoke_failed', `Login ${login} does not work as it must: ${why}.`);
}
