import { toReason } from '@ultracore/contracts';
import { z } from 'zod';
import type { MigrationStep } from '../../provisioning/migration/steps.ts';
import type { Failure } from '../../provisioning/situation.ts';
import { given, type Fact, type Told } from './fact.ts';

/** What bringing a home to a version leaves behind: the version, and what its whole history made. */
export const migrationOutcome = z.object({ version: z.string(), applied: z.int(), tablesCreated: z.int() });
export type MigrationOutcome = z.infer<typeof migrationOutcome>;

/** For a failure of migrations of which none is known to be the one. */
export const NO_VERSION = '0000';

/** That a migration failed, in a creation or in a home in use. */
export function migrationsFailed({ code, reason, sqlState }: Failure, version: string, time: string): Fact {
  const state = sqlState === undefined ? {} : { sqlstate: sqlState };
  const fields = { migration_version: version, code, reason: toReason(reason), ...state, failed_at: time };
  return { type: 'TenantMigrationsFailedEvent', fields };
}

/** The fact that a step of a migration tells, or undefined for one of which only the worker knows. */
export function migrationFact(step: MigrationStep, told: Told, time: string): Fact | undefined {
  switch (step) {
    case 'upgraded': {
      const { version, applied, tablesCreated } = migrationOutcome.parse(told.results['upgrade']);
      const counts = { migrations_applied: applied, tables_created: tablesCreated };
      return { type: 'TenantMigrationsCompletedEvent', fields: { migration_version: version, ...counts, completed_at: time } };
    }
    case 'upgrade_failed': {
      const failure = given(told.failure, step);
      return migrationsFailed(failure, failure.migrationVersion ?? told.targetVersion ?? NO_VERSION, time);
    }
    case 'upgrade':
      return undefined;
    default:
      return step satisfies never;
  }
}
