/** Everything the manager can refuse or give up, by code. What a connection or Postgres itself reports is a `WireError`. */
export const POOL_ERROR_CODES = [
  /** No such tenant is registered, or no tenant was named and the context has none. */
  'unknown_tenant',
  /** The tenant was removed while the request waited or ran. Whether a running write took effect is not known. */
  'tenant_removed',
  /** As many requests of the tenant wait as may. */
  'queue_full',
  /** No connection became free in time. */
  'queue_timeout',
  /** The statement ran into its deadline and was cancelled. */
  'statement_timeout',
  /** The statement was cancelled, or the connection taken back, because others waited and its tenant held more than its share with what takes long. */
  'preempted',
  /** The caller gave up. Whether a running write took effect is not known. */
  'aborted',
  /** Postgres refuses the tenant's login with every known password. */
  'login_failed',
  'server_unreachable',
  /** Postgres itself had no connection left for the login, until the deadline. */
  'too_many_connections',
  /** The manager is closed. */
  'closed',
  /** A registration or an option that cannot work. */
  'pool_invalid',
  /** A connection that was given back, or whose session has ended, was used. */
  'connection_released',
  /** The transaction could not be committed: one of its statements had failed. */
  'transaction_rolled_back',
  /** A value that has no text form for Postgres was given as a parameter. */
  'bad_parameter',
] as const;

export type PoolErrorCode = (typeof POOL_ERROR_CODES)[number];

/** Base of the manager's errors. Guards test `code`, never the class. */
export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly code: PoolErrorCode;

  constructor(code: PoolErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export const preempted = (cause?: unknown): PoolError =>
  new PoolError('preempted', 'Cancelled for others who waited: its tenant had more than its share of the connections.', {
    cause,
  });

export const aborted = (): PoolError => new PoolError('aborted', 'The caller gave up.');

export const isPoolError = (error: unknown): error is PoolError => error instanceof PoolError;
