import { quoteIdent } from '@ultracore/postgres';
import { type Connect, type Connection, hasSqlState, inTransaction, withConnection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { COUNT_LIMIT } from '../home/count.ts';
import type { HomeObject } from '../home/undo.ts';
import { APP_SCHEMA, ROLES, SHARED_DATABASE } from '../names.ts';

const FOREIGN_KEY_VIOLATION = '23503';
const BATCH = 5000;

/**
 * The tables that small tenants share. Fails rather than overlook rows: each must have the policy by which `ultracore_maint` sees
 * the rows of every tenant, and be readable for it.
 * @throws TenantDatabaseError `blind`.
 */
async function sharedTables(shared: Connection): Promise<string[]> {
  const { rows } = await shared.query<{ name: string; seen: boolean }>(
    `select c.relname as name, has_table_privilege('${ROLES.maint}', c.oid, 'select') and (not c.relrowsecurity or exists (
              select from pg_policy p where p.polrelid = c.oid and p.polname = 'maintenance' and p.polpermissive and p.polcmd = '*'
                 and p.polroles = array['${ROLES.maint}'::regrole::oid] and pg_get_expr(p.polqual, c.oid) = 'true'))
            and not exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive) as seen
       from pg_class c where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`,
    [quoteIdent(APP_SCHEMA)],
  );
  const unseen = rows.filter(({ seen }) => !seen).map(({ name }) => name);
  if (unseen.length > 0) {
    throw new TenantDatabaseError(
      'blind',
      `Rows cannot be seen by ${ROLES.maint} in ${unseen.join(', ')}: nothing is known of them.`,
    );
  }
  return rows.map(({ name }) => name);
}

/**
 * How many rows of a tenant each shared table has, where there are any; counted as `ultracore_maint`, because row security hides
 * them from everybody else, their owner included. To be called in a transaction, whose role is then what it was, and whose statements
 * may take long from then on.
 * @throws TenantDatabaseError `blind` when a table could not be seen into.
 */
export async function countRows(shared: Connection, tenantId: string): Promise<HomeObject[]> {
  const tables = await sharedTables(shared);
  if (tables.length === 0) return [];
  const counts = tables.map(
    (name, index) => `select ${index} as at, count(*) as rows from ${qualified(name)} where tenant_id = $1`,
  );
  await shared.query(`${COUNT_LIMIT}; set local role ${ROLES.maint}`);
  const { rows } = await shared.query<{ at: number; rows: string }>(counts.join(' union all '), [tenantId]);
  await shared.query('reset role');
  return rows.flatMap(({ at, rows: count }): HomeObject[] =>
    count === '0' ? [] : [{ kind: 'rows', name: tables[at] ?? '', counted: { rows: Number(count) } }],
  );
}

/**
 * Deletes a tenant's rows from the shared tables, a few thousand in a transaction, so that no lock is held for long and a crash
 * loses little. Children before their parents: a table whose rows are still referred to waits for the next pass. Safe to repeat, and
 * to cut off anywhere.
 * @throws TenantDatabaseError `blind`; `left_over` when foreign keys form a cycle.
 */
export async function removeRows(connect: Connect, tenantId: string): Promise<void> {
  await withConnection(connect, SHARED_DATABASE, async (shared) => {
    const tables = await sharedTables(shared);
    // Planned for the few rows that a table had before it was filled, each foreign key of a deleted row would read all that refer to it.
    await takeStatistics(shared, tables);
    for (let todo: readonly string[] = tables; todo.length > 0;) {
      const later: string[] = [];
      for (const table of todo) if (!(await emptyTable(shared, table, tenantId))) later.push(table);
      if (later.length === todo.length) {
        throw new TenantDatabaseError('left_over', `Rows of ${later.join(', ')} refer to each other: none can go first.`);
      }
      todo = later;
    }
    // They keep values of rows that are gone, for a superuser to read (row security hides them from everybody else). Of every table, also
    // where no row was found: it may have been deleted by a call that was cut off before it came here.
    await takeStatistics(shared, tables);
  });
}

/** The planner's, anew. Of a table that has become empty Postgres keeps the old ones until it has rows again. */
async function takeStatistics(shared: Connection, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await inTransaction(shared, async () => {
      await shared.query(`set local role ${ROLES.owner}`);
      await shared.query(`analyze ${qualified(table)}`);
    });
  }
}

/** False when its rows are still referred to. */
async function emptyTable(shared: Connection, table: string, tenantId: string): Promise<boolean> {
  const name = qualified(table);
  const batch = `delete from ${name} where tenant_id = $1 and ctid = any (array(select ctid from ${name} where tenant_id = $1 limit ${BATCH}))`;
  try {
    for (;;) {
      const removed = await inTransaction(shared, async () => {
        await shared.query(`set local role ${ROLES.maint}`);
        return (await shared.query(batch, [tenantId])).rowCount;
      });
      if ((removed ?? 0) < BATCH) return true;
    }
  } catch (error) {
    if (hasSqlState(error, FOREIGN_KEY_VIOLATION)) return false;
    throw error;
  }
}

const qualified = (table: string): string => `${quoteIdent(APP_SCHEMA)}.${quoteIdent(table)}`;
