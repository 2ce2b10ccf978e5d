/** Everything a connection can fail with, by code. */
export type WireErrorCode =
  /** An ErrorResponse of the server; `postgres` says which. */
  | 'postgres'
  /** The connection ended before the statement did; `started` says whether the statement may have run. */
  | 'connection_lost'
  /** The server cannot be reached, or ended the connection before it was ready for statements. */
  | 'connect_failed'
  | 'connect_timeout'
  /** The login or its password was refused (SQLSTATE 28P01 or 28000). */
  | 'login_failed'
  /** The other end broke the protocol, or could not prove that it knows the password. */
  | 'protocol_violation'
  | 'tls_refused'
  /** The server asks for a way of authentication that would show it the password, or that is not spoken here. */
  | 'auth_unsupported'
  /** A statement that does not fit into one message, or an answer that is longer than any row can be. */
  | 'message_too_large'
  /** The text, or a parameter, cannot be sent: a NUL byte, or more than 65,535 parameters. */
  | 'bad_statement';

/** What an ErrorResponse of Postgres says. `position` counts characters of the statement's text from 1. */
export interface PostgresErrorFields {
  readonly sqlstate: string;
  readonly severity: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly position?: number | undefined;
  readonly constraint?: string | undefined;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly dataType?: string | undefined;
}

export interface WireErrorOptions {
  readonly cause?: unknown;
  readonly postgres?: PostgresErrorFields | undefined;
  readonly started?: boolean | undefined;
}

/**
 * Base of the errors of a connection. Guards test `code`, never the class. What Postgres said (its own message, `sqlstate` and what follows) is there
 * for `postgres` and `login_failed`, and for the others where the server gave it as the reason of ending the connection.
 */
export class WireError extends Error implements Partial<PostgresErrorFields> {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;
  /** For `connection_lost`: whether the statement's turn had come, so that it may have run. */
  readonly started: boolean | undefined;
  declare readonly sqlstate?: string;
  declare readonly severity?: string;
  declare readonly detail?: string | undefined;
  declare readonly hint?: string | undefined;
  declare readonly position?: number | undefined;
  declare readonly constraint?: string | undefined;
  declare readonly schema?: string | undefined;
  declare readonly table?: string | undefined;
  declare readonly column?: string | undefined;
  declare readonly dataType?: string | undefined;

  constructor(code: WireErrorCode, message: string, options?: WireErrorOptions) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.started = options?.started;
    // Only what was said: a property that is there and undefined would be logged and compared.
    for (const [name, value] of Object.entries(options?.postgres ?? {})) {
      if (value !== undefined) Object.defineProperty(this, name, { value, enumerable: true });
    }
  }
}

export const isWireError = (error: unknown): error is WireError => error instanceof WireError;

/** Why an attempt is given up; a signal of this package's own carries a WireError. */
export const abortReason = (signal: AbortSignal): WireError =>
  isWireError(signal.reason)
    ? signal.reason
    : new WireError('connect_failed', 'the attempt was given up', { cause: signal.reason });
