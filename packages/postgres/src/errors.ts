/** Everything this package can refuse, by code. Errors of Postgres itself pass through unchanged (they carry a SQLSTATE in `code`). */
export type PostgresErrorCode =
  | 'bad_identifier'
  | 'bad_literal'
  | 'transaction_rolled_back'
  | 'migration_directory'
  | 'migration_changed'
  | 'migration_missing'
  | 'migration_failed'
  | 'lease_lost';

export class PostgresError extends Error {
  override readonly name = 'PostgresError';
  readonly code: PostgresErrorCode;

  constructor(code: PostgresErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The SQLSTATE (five characters) of an error that Postgres raised, or undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
