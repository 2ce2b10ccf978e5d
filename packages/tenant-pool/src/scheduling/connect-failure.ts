import { PoolError, type PoolErrorCode } from '../errors.ts';

/** Whom a connection that could not be opened concerns, and what those are told who wait for it until their deadline. */
export interface ConnectFailure {
  /** `server`: nobody gets in. `login`: this tenant's login is refused. `limit`: Postgres has no connection left for it. */
  readonly scope: 'server' | 'login' | 'limit';
  readonly code: PoolErrorCode;
}

const STARTING_OR_STOPPING = new Set(['57P01', '57P02', '57P03']);
const TOO_MANY = '53300';

/** What a failed attempt to open a connection means, by the error's `code` and SQLSTATE. */
export function judgeConnectFailure(error: unknown): ConnectFailure {
  const { code, sqlstate } = fieldsOf(error);
  if (sqlstate === TOO_MANY) return { scope: 'limit', code: 'too_many_connections' };
  if (sqlstate !== undefined && STARTING_OR_STOPPING.has(sqlstate)) return { scope: 'server', code: 'server_unreachable' };
  if (sqlstate !== undefined) return { scope: 'login', code: 'login_failed' };
  switch (code) {
    case 'login_failed':
    case 'auth_unsupported':
      return { scope: 'login', code: 'login_failed' };
    case 'connect_failed':
    case 'connect_timeout':
    case 'connection_lost':
    case 'tls_refused':
    case 'protocol_violation':
      return { scope: 'server', code: 'server_unreachable' };
    default:
      // Not of the wire: the password could not be had.
      return { scope: 'login', code: 'login_failed' };
  }
}

/** Whether the next known password is worth a try. */
export function isWrongPassword(error: unknown): boolean {
  return fieldsOf(error).sqlstate === '28P01';
}

/** Names the tenant only where nobody else is told. */
export function connectFailureError(failure: ConnectFailure, tenantId: string, cause: unknown): PoolError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const what = failure.scope === 'server' ? 'The server cannot be reached' : `No connection for tenant ${tenantId}`;
  return new PoolError(failure.code, `${what}: ${reason}`, { cause });
}

function fieldsOf(error: unknown): { code?: string | undefined; sqlstate?: string | undefined } {
  if (typeof error !== 'object' || error === null) return {};
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const sqlstate = 'sqlstate' in error && typeof error.sqlstate === 'string' ? error.sqlstate : undefined;
  return { code, sqlstate };
}

/** Doubles from `firstMs` to `longestMs` with each failure in a row. */
export function backoffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 20));
}
