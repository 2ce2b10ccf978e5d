import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import type { Connection } from '../client.ts';
import { CATALOG_SQL } from './catalog-sql.ts';

/** One object of a home, said without the home's own name: `{ kind: 'column', parent: 'orders', name: 'side', facts: { type: 'text' } }`. */
export interface CatalogObject {
  readonly kind: string;
  /** The table, view or domain that the object belongs to; empty for one that stands by itself. */
  readonly parent: string;
  readonly name: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** What a schema is made of, comments left out, in no particular order. Without an object of kind `schema` there is no such schema. */
export type Description = readonly CatalogObject[];

/** How long a look waits for a table that a tenant, or a migration, has locked. */
const LOCK_TIMEOUT = '3s';
const STATEMENT_TIMEOUT = '30s';

/**
 * How Postgres prints what it has stored depends on the session: all of that is fixed here. The home itself comes after
 * pg_catalog, so that its objects are printed without the schema's name and nothing in it is taken for a function of Postgres;
 * nothing else is on the path, least of all what a tenant may write to. JIT would take longer than the query.
 */
const settingsFor = (schema: string): string => `
  set local search_path = pg_catalog, ${quoteIdent(schema)}, pg_temp;
  set local datestyle = 'ISO, YMD'; set local intervalstyle = iso_8601; set local timezone = 'UTC';
  set local extra_float_digits = 1; set local bytea_output = hex; set local quote_all_identifiers = off; set local lc_monetary = 'C';
  set local jit = off; set local lock_timeout = '${LOCK_TIMEOUT}'; set local statement_timeout = '${STATEMENT_TIMEOUT}';`;

/** Reads a schema's description in the transaction that is under way. Only the catalogs are read, no object of the home is used. */
export async function describeSchema(connection: Connection, schema: string): Promise<Description> {
  await connection.query(settingsFor(schema));
  const { rows } = await connection.query<CatalogObject>(CATALOG_SQL, [schema]);
  return rows;
}

/** The same in a transaction of its own, which can change nothing. */
export async function readDescription(connection: Connection, schema: string): Promise<Description> {
  await connection.query('begin read only');
  try {
    return await describeSchema(connection, schema);
  } finally {
    await connection.query('rollback').catch(() => {});
  }
}

/** What a home says it is: the migrations that were applied to it, and on which version of Postgres. */
export interface HomeVersion {
  /** The newest applied migration; undefined where there is none. */
  readonly version: string | undefined;
  readonly server: string;
}

export async function readHomeVersion(connection: Connection, schema: string): Promise<HomeVersion> {
  const { rows } = await connection.query<{ version: string | null; server: string }>(
    `select (select max(version) from ultracore.migrations where home = ${quoteLiteral(schema)}) as version,
            pg_catalog.current_setting('server_version_num') as server`,
  );
  return { version: rows[0]?.version ?? undefined, server: rows[0]?.server ?? '' };
}
