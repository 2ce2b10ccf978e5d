import { quoteIdent } from '@ultracore/postgres';
import { type Connection, lastRows } from '../client.ts';
import { ROLES } from '../names.ts';

/** To be sent before a count, which it is about: reading all of a large table takes longer than any other statement may. */
export const COUNT_LIMIT = `set local statement_timeout = '1h'`;

/**
 * Counts the tables of a migrated schema and the rows in them, one table after the other, each for up to an hour. Only tables that
 * `ultracore_owner` owns are read: nothing is ever read through an object of a tenant's. What the schema is read in must have no row
 * security (not the small tier's).
 */
export async function countSchema(connection: Connection, schema: string): Promise<{ tables: number; rows: number }> {
  const { rows: tables } = await connection.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'p') and not relispartition
        and relowner = '${ROLES.owner}'::regrole order by relname`,
    [quoteIdent(schema)],
  );
  let total = 0;
  for (const { name } of tables) {
    const count = `select count(*) as total from ${quoteIdent(schema)}.${quoteIdent(name)}`;
    const [row] = lastRows(await connection.query<{ total: string }>(`${COUNT_LIMIT}; ${count}`));
    total += Number(row?.total ?? 0);
  }
  return { tables: tables.length, rows: total };
}
