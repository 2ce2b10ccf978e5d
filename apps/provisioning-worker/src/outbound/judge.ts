import { CredentialError } from '@ultracore/credentials';
import { redactText } from '@ultracore/service';
import { MigrationError, TenantDatabaseError, type TenantDatabaseErrorCode } from '@ultracore/tenant-database';
import { troubleOf, type Trouble, type TroubleKind } from '../provisioning/trouble.ts';
import { FactNotToldError } from './facts.ts';
import { ReplicaRejectedError } from './standby.ts';

export interface Judged extends Trouble {
  /** Of the migration that failed, where one did. */
  readonly migrationVersion?: string;
  /** What Postgres said of it. */
  readonly sqlState?: string;
}

/** The worker's own tables could not be reached: says nothing about the tenant or its server. */
export class BookkeepingError extends Error {
  override readonly name = 'BookkeepingError';
}

/** Another worker has this version of the migrations: the work is left to it. */
export class VersionElsewhereError extends Error {
  override readonly name = 'VersionElsewhereError';

  constructor(version: string) {
    super(`Migration ${version} is not known here, but to another worker.`);
  }
}

/** Runs a statement on the bookkeeping from within an effect, so that its failure is not taken for one of the tenant's server. */
export async function inBookkeeping<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new BookkeepingError('The bookkeeping cannot be reached.', { cause: error });
  }
}

const KIND: Readonly<Record<TenantDatabaseErrorCode, TroubleKind>> = {
  bad_tenant_id: 'lasting',
  foreign_object: 'lasting',
  not_a_verifier: 'lasting',
  bad_limits: 'lasting',
  too_old: 'server',
  bootstrap_refused: 'server',
  not_prepared: 'unclear',
  still_in_use: 'passing',
  left_over: 'unclear',
  smoke_failed: 'unclear',
  migration_directory: 'unclear',
  migration_changed: 'lasting',
  migration_out_of_order: 'lasting',
  migration_failed: 'lasting',
  lock_timeout: 'passing',
  statement_timeout: 'lasting',
  unsafe_schema: 'lasting',
  unknown_version: 'lasting',
  blind: 'lasting',
};

/** What kind of trouble an effect's error is, in words without a secret. */
export function judge(error: unknown): Judged {
  const judged = judgeRaw(error);
  return { ...judged, reason: redactText(judged.reason) };
}

function judgeRaw(error: unknown): Judged {
  if (error instanceof FactNotToldError) {
    return { ...troubleOf(error), kind: error.passing ? 'passing' : 'unclear', code: 'fact_not_told' };
  }
  if (error instanceof BookkeepingError) return { ...troubleOf(error), kind: 'passing', code: 'bookkeeping_unreachable' };
  if (error instanceof VersionElsewhereError) return { ...troubleOf(error), kind: 'passing', code: 'version_elsewhere' };
  if (error instanceof ReplicaRejectedError) {
    return { kind: error.mayPass ? 'passing' : 'lasting', code: error.code, reason: troubleOf(error).reason };
  }
  if (error instanceof CredentialError) return { ...troubleOf(error), kind: 'lasting', code: error.code };
  if (!(error instanceof TenantDatabaseError)) return troubleOf(error);
  const beneath = error.cause === undefined ? undefined : troubleOf(error.cause);
  // A migration that met a deadlock or lost its connection has not failed.
  const kind = beneath?.kind === 'server' || beneath?.kind === 'passing' ? beneath.kind : KIND[error.code];
  const { reason } = troubleOf(error);
  return {
    kind,
    code: error.code,
    reason,
    ...(error instanceof MigrationError ? failureOf(error) : {}),
  };
}

const failureOf = ({ failure: { version, sqlState } }: MigrationError) => ({
  migrationVersion: version,
  ...(sqlState === undefined ? {} : { sqlState }),
});
