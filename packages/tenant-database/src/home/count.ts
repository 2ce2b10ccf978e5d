import { quoteIdent } from '@ultracore/postgres';
import type { Connection } from '../client.ts';
import { ROLES } from '../names.ts';

/**
 * Counts the tables of a migrated schema and the rows in them. Only tables that `ultracore_owner` owns are read: nothing is
 * ever read through an object of a tenant's. What the schema is read in must have no row security (not the small tier's).
 */
export async function countSchema(connection: Connection, schema: string): Promise<{ tables: number; rows: number }> {
  const { rows: tables } = await connection.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'p') and not relispartition
        and relowner = '${ROLES.owner}'::regrole order by relname`,
    [quoteIdent(schema)],
  );
  if (tables.length === 0) return { tables: 0, rows: 0 };
  const sum = tables.map(({ name }) => `(select count(*) from ${quoteIdent(schema)}.${quoteIdent(name)})`).join(' + ');
  const { rows } = await connection.query<{ total: string }>(`select ${sum} as total`);
  return { tables: tables.length, rows: Number(rows[0]?.total ?? 0) };
}
