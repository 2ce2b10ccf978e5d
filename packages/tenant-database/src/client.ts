import { sqlStateOf } from '@ultracore/postgres';
import type { ClientBase, QueryResult, QueryResultRow } from 'pg';

/** A connection of its own (a `Client`, or one checked out of a pool), because steps run transactions on it. */
export type Connection = Pick<ClientBase, 'query'>;

/** Opens a connection to one database of a server, as one login; the caller of `withConnection` need not close it. */
export type Connect = (database: string) => Promise<Connection & { end(): Promise<void> }>;

/** Runs `work` on a new connection, which is closed whatever happens. */
export async function withConnection<Result>(
  connect: Connect,
  database: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(database);
  try {
    return await work(connection);
  } finally {
    // A connection that the server already ended cannot be ended again; what `work` said matters.
    await connection.end().catch(() => {});
  }
}

/**
 * Runs `work` between `begin` and `commit`; rolled back when it throws. A connection that broke meanwhile has nothing to roll
 * back: the error of `work` is the one thrown.
 */
export async function inTransaction<Result>(connection: Connection, work: () => Promise<Result>): Promise<Result> {
  await connection.query('begin');
  try {
    const result = await work();
    await connection.query('commit');
    return result;
  } catch (error) {
    await connection.query('rollback').catch(() => {});
    throw error;
  }
}

/**
 * Sends several statements in one round trip. Without a transaction of their own Postgres runs them as one: all or nothing.
 * The connection is left outside a transaction also when one of them fails after a `begin`.
 */
export async function runScript(connection: Connection, statements: readonly string[]): Promise<void> {
  try {
    await connection.query(`${statements.join(';\n')};`);
  } catch (error) {
    await connection.query('rollback').catch(() => {});
    throw error;
  }
}

/** The rows of the last statement of a script that was sent as one text. */
export function lastRows<Row extends QueryResultRow>(result: QueryResult<Row> | QueryResult<Row>[]): Row[] {
  return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
}

/** Does the error carry one of these SQLSTATEs? */
export function hasSqlState(error: unknown, ...states: string[]): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && states.includes(state);
}
