import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { quoteIdent, type Queryable } from '@ultracore/postgres';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** What COPY takes as a column's value. */
export type CopyValue = string | number | boolean | null;

const SUFFIX = '__rebuild';
const CHUNK_LENGTH = 64 * 1024;

const shadowOf = (name: string): string => quoteIdent(`${name}${SUFFIX}`);

/** An empty table with the columns, defaults, checks and grants of another, without its indexes. */
export async function createShadow(client: Queryable, table: string): Promise<void> {
  await client.query(`create table ${shadowOf(table)} (like ${quoteIdent(table)} including all excluding indexes)`);
  const grants = await client.query<{ statement: string }>(
    `select format('grant %s on ${shadowOf(table)} to %s', privilege_type,
              case when grantee = 0 then 'public' else grantee::regrole::text end) as statement
     from pg_class, aclexplode(relacl) where pg_class.oid = $1::regclass and grantee <> relowner`,
    [quoteIdent(table)],
  );
  for (const { statement } of grants.rows) await client.query(statement);
}

/** Fills a shadow by COPY. `client` is one connection, not in a transaction that has failed. */
export async function copyIntoShadow<Column extends string>(
  client: PoolClient,
  table: string,
  columns: readonly Column[],
  rows: Iterable<Readonly<Record<Column, CopyValue>>>,
): Promise<void> {
  const stream = client.query(copyFrom(`copy ${shadowOf(table)} (${columns.map(quoteIdent).join(', ')}) from stdin`));
  await pipeline(Readable.from(chunks(columns, rows), { objectMode: false, highWaterMark: 4 * CHUNK_LENGTH }), stream);
  if (!stream.writableFinished) await once(stream, 'finish');
}

function* chunks<Column extends string>(
  columns: readonly Column[],
  rows: Iterable<Readonly<Record<Column, CopyValue>>>,
): Generator<string> {
  let chunk = '';
  for (const row of rows) {
    let separator = '';
    for (const column of columns) {
      chunk += separator + toCopyText(row[column]);
      separator = '\t';
    }
    chunk += '\n';
    if (chunk.length >= CHUNK_LENGTH) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

const NULL = String.raw`\N`;
/** Few values have any of them, and asking costs a fraction of replacing. */
const ESCAPED = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS */
function toCopyText(value: CopyValue): string {
  if (value === null) return NULL;
  if (typeof value !== 'string') return String(value);
  return ESCAPED.test(value) ? value.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character) : value;
}

interface Index {
  readonly name: string;
  readonly definition: string;
  readonly columns: readonly string[];
  /** `p` or `u` where the index is that of a primary key or unique constraint. */
  readonly constraint: 'p' | 'u' | null;
}

async function indexesOf(client: Queryable, table: string): Promise<Index[]> {
  const result = await client.query<Index>(
    `select index.relname as name, pg_get_indexdef(index.oid) as definition, con.contype as constraint,
       array(select attname::text from pg_attribute where attrelid = indrelid and attnum = any(indkey) order by attnum) as columns
     from pg_index join pg_class index on index.oid = indexrelid
     left join pg_constraint con on con.conindid = index.oid and con.contype in ('p', 'u')
     where indrelid = $1::regclass order by index.relname`,
    [quoteIdent(table)],
  );
  return result.rows;
}

/**
 * Gives a filled shadow the indexes of its table, faster than keeping them up while it is filled, and the planner what it must know to use
 * them; the rest of the statistics comes by itself, and would take half as long as the indexes.
 */
export async function indexShadow(client: Queryable, table: string): Promise<void> {
  const indexes = await indexesOf(client, table);
  for (const { name, definition } of indexes) {
    const [, unique = '', method = ''] = /^CREATE (UNIQUE )?INDEX .+? (USING .+)$/s.exec(definition) ?? [];
    await client.query(`create ${unique} index ${shadowOf(name)} on ${shadowOf(table)} ${method}`);
  }
  const columns = new Set(indexes.flatMap((index) => index.columns));
  if (columns.size > 0) await client.query(`analyze ${shadowOf(table)} (${[...columns].map(quoteIdent).join(', ')})`);
}

/** Puts the shadow in the place of its table, under all of its names. `client` is in a transaction: readers see the old or the new. */
export async function swapShadow(client: Queryable, table: string): Promise<void> {
  const indexes = await indexesOf(client, table);
  await client.query(`drop table ${quoteIdent(table)}`);
  await client.query(`alter table ${shadowOf(table)} rename to ${quoteIdent(table)}`);
  for (const { name, constraint } of indexes) {
    await client.query(
      constraint === null
        ? `alter index ${shadowOf(name)} rename to ${quoteIdent(name)}`
        : `alter table ${quoteIdent(table)} add constraint ${quoteIdent(name)} ${constraint === 'p' ? 'primary key' : 'unique'}
           using index ${shadowOf(name)}`,
    );
  }
}
