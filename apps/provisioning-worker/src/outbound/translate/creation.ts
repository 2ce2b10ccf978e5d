import { toReason } from '@ultracore/contracts';
import { z } from 'zod';
import type { StepName, UndoStepName } from '../../provisioning/creation/steps.ts';
import { given, type Fact, type Told } from './fact.ts';
import { migrationOutcome, migrationsFailed, NO_VERSION } from './migration.ts';

/** What step `undo` leaves behind. */
const undoOutcome = z.object({ cleanedUp: z.boolean() });
export type UndoOutcome = z.infer<typeof undoOutcome>;

/** The fact that a step of a creation tells, or undefined for one of which only the worker knows. Throws for one told too early. */
export function creationFact(step: StepName | UndoStepName, told: Told, time: string): Fact | undefined {
  switch (step) {
    case 'started': {
      const { database: db_name, schema } = told.names;
      const place = told.tier === 'enterprise' ? { db_name } : { db_name, schema_name: schema };
      return { type: 'TenantProvisioningStartedEvent', fields: { ...place, attempt: told.attempt, started_at: time } };
    }
    case 'credentials':
      return { type: 'TenantCredentialsIssuedEvent', fields: { ...given(told.sealed, step), issued_at: time } };
    case 'home':
      return homeFact(told, time);
    case 'completed': {
      const { version, applied, tablesCreated } = migrationOutcome.parse(told.results['migrate']);
      const fields = {
        migration_version: version,
        migrations_applied: applied,
        tables_created: tablesCreated,
        completed_at: time,
      };
      return { type: 'TenantMigrationsCompletedEvent', fields };
    }
    case 'migrations_failed': {
      const failure = given(told.failure, step);
      return migrationsFailed(failure, failure.migrationVersion ?? NO_VERSION, time);
    }
    case 'failed': {
      const failure = given(told.failure, step);
      const { cleanedUp } = undoOutcome.parse(told.results['undo']);
      const what = { step: failure.step, code: failure.code, reason: toReason(failure.reason) };
      const fields = { ...what, attempt: told.attempt, cleaned_up: cleanedUp, failed_at: time };
      return { type: 'TenantProvisioningFailedEvent', fields };
    }
    case 'migrate':
    case 'open':
    case 'smoke':
    case 'undo':
      return undefined;
    default:
      return step satisfies never;
  }
}

function homeFact({ tier, names }: Told, time: string): Fact | undefined {
  switch (tier) {
    case 'enterprise':
      return { type: 'TenantDatabaseCreatedEvent', fields: { db_name: names.database, created_at: time } };
    case 'standard':
      return {
        type: 'TenantSchemaCreatedEvent',
        fields: { db_name: names.database, schema_name: names.schema, created_at: time },
      };
    case 'small':
      return undefined;
    default:
      return tier satisfies never;
  }
}
