import type { Tier, WantedTenant } from './situation.ts';

/** How the logins of a home are to be treated. */
export interface WantedHome {
  /** The request that made the home: what the comments of its objects name. */
  readonly requestId: string;
  /** The request whose credential is in force. */
  readonly credentialRequestId: string;
  readonly login: boolean;
  readonly limits: WantedLimits;
}

/** Of each of the two logins. */
export interface WantedLimits {
  readonly connectionLimit: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly tempFileLimitMb: number;
}

/**
 * Sessions above the tenant's total, so that the gateways' shares always fit while one of them restarts, and the worker can
 * test the logins.
 */
const CONNECTION_SURGE = 5;
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
/** Disk for one session's sorts and hashes. */
const TEMP_FILE_LIMIT_MB: Readonly<Record<Tier, number>> = { enterprise: 4096, standard: 1024, small: 256 };

export const loginLimits = ({ max_connections, tier }: Pick<WantedTenant, 'max_connections' | 'tier'>): WantedLimits => ({
  connectionLimit: max_connections + CONNECTION_SURGE,
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  idleInTransactionTimeoutMs: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  tempFileLimitMb: TEMP_FILE_LIMIT_MB[tier],
});

/** How Postgres is to treat a tenant, or null while it has no finished home, or no more. */
export const wantedHome = (row: WantedTenant): WantedHome | null => {
  if (row.home_request_id === null || row.credential === null || row.status === 'purged') return null;
  return {
    requestId: row.home_request_id,
    credentialRequestId: row.credential.request_id,
    login: row.status === 'active',
    limits: loginLimits(row),
  };
};

/** What a creation leaves behind: the home as its tenant is treated once the registry has activated it. */
export const createdHome = (row: WantedTenant, requestId: string): WantedHome => ({
  requestId,
  credentialRequestId: requestId,
  login: true,
  limits: loginLimits(row),
});

/** Equal for two wishes exactly when nothing need be done to get from one to the other. */
export const fingerprintOf = ({ requestId, credentialRequestId, login, limits }: WantedHome): string =>
  [requestId, credentialRequestId, login ? 'login' : 'nologin', ...Object.values(limits)].join(' ');

/** In the place of a fingerprint: how the logins are treated is to be found out. Differs from every wish. */
export const NOT_KNOWN = '';
