import { defaults, Pool, TypeOverrides, types, type ClientBase, type PoolConfig } from 'pg';

/** What this package needs of a logger; a pino logger fits. */
export interface PoolLogger {
  warn(details: object, message: string): void;
}

/** Anything a statement can be sent to: a pool, or one client inside a transaction. */
export type Queryable = Pick<ClientBase, 'query'>;

export interface PoolOptions {
  connectionString: string;
  /** Shown in `pg_stat_activity`; Postgres keeps the first 63 bytes. */
  applicationName: string;
  /** Connections at most. Default 10. */
  max?: number;
  /** How long a caller waits for a free or new connection. Default 10 s. */
  connectionTimeoutMs?: number;
  /** Ends any statement that runs longer. Default: none. */
  statementTimeoutMs?: number;
  /**
   * Ends a session that does nothing inside a transaction for longer. Default 3 s: what a stopped process holds locked, a lease among
   * it, would otherwise stay locked for its successor as long as it is stopped.
   */
  idleInTransactionTimeoutMs?: number;
  logger: PoolLogger;
}

/**
 * A pool whose sessions run in UTC and which survives the death of its connections: one that breaks while idle is logged
 * and replaced. `timestamp` columns are read and written as UTC, whatever the time zone of the process is.
 */
export function createPool(options: PoolOptions): Pool {
  // Otherwise a Date meant for a `timestamp` column is sent in the local time of the process.
  defaults.parseInputDatesAsUTC = true;
  const parsers = new TypeOverrides();
  parsers.setTypeParser(types.builtins.TIMESTAMP, parseTimestampAsUtc);
  const config: PoolConfig = {
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 10_000,
    keepAlive: true,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 3_000,
    options: '-c timezone=UTC',
    types: parsers,
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
  };
  const pool = new Pool(config);
  // Not the error itself: the driver hangs the whole connection on it, with the key to cancel its statements.
  pool.on('error', ({ name, message, stack }) =>
    options.logger.warn({ err: { name, message, stack } }, 'an idle Postgres connection broke; it is replaced at the next use'),
  );
  return pool;
}

function parseTimestampAsUtc(text: string): Date | number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  if (text === '-infinity') return Number.NEGATIVE_INFINITY;
  return new Date(`${text.replace(' ', 'T')}Z`);
}
