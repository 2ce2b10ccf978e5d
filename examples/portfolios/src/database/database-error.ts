/**
 * `unavailable`: nobody is served at the moment. `busy`: this tenant is not, for reasons of its own. `refused`: not this caller or not this
 * tenant. `rejected`: the statement was at fault.
 */
export type DatabaseFault = 'unavailable' | 'busy' | 'refused' | 'rejected';

export interface DatabaseErrorOptions {
  readonly fault: DatabaseFault;
  /** As HTTP has it. */
  readonly status: number;
  readonly retryAfterMs?: number | undefined;
  readonly sqlstate?: string | undefined;
  readonly cause?: unknown;
}

/** What a tenant's database answered instead of rows, over either way. `code` is the gateway's, or the pool's. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;
  readonly fault: DatabaseFault;
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly sqlstate: string | undefined;

  constructor(code: string, message: string, { fault, status, retryAfterMs, sqlstate, cause }: DatabaseErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fault = fault;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.sqlstate = sqlstate;
  }
}
