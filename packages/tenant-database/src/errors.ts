/** Everything this package can refuse. Closed list: callers decide on the code. */
export const TENANT_DATABASE_ERROR_CODES = [
  /** Not a tenant id, so no name may be derived from it. */
  'bad_tenant_id',
  /** An object of the wanted name exists and is not this tenant's, of this request. Nothing was changed. */
  'foreign_object',
  /** Only SCRAM-SHA-256 verifiers are sent to Postgres; this is something else. */
  'not_a_verifier',
  /** Limits or timeouts that Postgres would refuse or read as "none". */
  'bad_limits',
  /** The server's version is below the floor. */
  'too_old',
  /** The bootstrap needs something it was not given, or rights it does not have. */
  'bootstrap_refused',
  /** A step found its predecessor not done (no role, no schema, no support schema in the database). */
  'not_prepared',
  /** Somebody is using a database or object that must be free, until the deadline. */
  'still_in_use',
  /** An undo ran and something of the home is still there. */
  'left_over',
  /** A login of the home could not do, or could do more than, what its kind may. */
  'smoke_failed',
  /** The migration directory is missing, empty or holds a file that is not `NNNN_name.sql`. */
  'migration_directory',
  /** A migration that was applied has another text now. */
  'migration_changed',
  /** A migration older than the home's newest was never applied to it. */
  'migration_out_of_order',
  /** A migration failed in Postgres; nothing of it was kept. */
  'migration_failed',
  /** A migration did not get a lock that somebody's session holds; nothing of it was kept. */
  'lock_timeout',
  /** A statement of a migration ran for too long; nothing of it was kept. */
  'statement_timeout',
  /** The migrations made something that row security could not keep apart (`protect` lists it). */
  'unsafe_schema',
  /** A home is to be brought to a version that is not among the migrations. */
  'unknown_version',
  /** A search for what is left of a tenant could not have seen everything: what it did not find means nothing. */
  'blind',
] as const;

export type TenantDatabaseErrorCode = (typeof TENANT_DATABASE_ERROR_CODES)[number];

/** The base of this package's errors. Errors of Postgres itself pass through unchanged where no code here fits. */
export class TenantDatabaseError extends Error {
  override readonly name: string = 'TenantDatabaseError';
  readonly code: TenantDatabaseErrorCode;

  constructor(code: TenantDatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where a migration failed: `position` counts characters of the file from 1, `line` and `column` are the same place. */
export interface MigrationFailure {
  readonly version: string;
  readonly sqlState: string | undefined;
  readonly position?: number;
  readonly line?: number;
  readonly column?: number;
}

/** What a migration can fail with. `unsafe_schema`: `protect` refused the result. */
export type MigrationErrorCode = Extract<
  TenantDatabaseErrorCode,
  'migration_failed' | 'lock_timeout' | 'statement_timeout' | 'unsafe_schema'
>;

/** A migration that Postgres refused. */
export class MigrationError extends TenantDatabaseError {
  override readonly name = 'MigrationError';
  readonly failure: MigrationFailure;

  constructor(code: MigrationErrorCode, failure: MigrationFailure, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.failure = failure;
  }
}
