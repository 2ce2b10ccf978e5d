import { z } from 'zod';
import {
  actor,
  attempt,
  count,
  driftChange,
  driftFingerprint,
  email,
  failureFields,
  host,
  identifier,
  migrationVersion,
  port,
  reason,
  retentionDays,
  slug,
  sqlState,
  tenantName,
  time,
  uuid,
} from '../fields.ts';
import { settingFields, tierSchema } from '../tenant.ts';
import { TOPICS } from '../topics.ts';
import { body, defineMessage } from './define.ts';

const registry = { topic: TOPICS.lifecycle, owner: 'registry', kind: 'state' } as const;
const worker = { topic: TOPICS.lifecycle, owner: 'provisioning-worker', kind: 'fact' } as const;

/** An object of a tenant's home, with what was counted in it, e.g. `{ tables: 12, rows: 40310 }`. */
const homeObject = z.strictObject({ kind: slug, name: z.string().min(1).max(255), counted: z.record(slug, count) });
const homeObjects = z.array(homeObject).max(2000);

export const tenantCreated = defineMessage({
  ...registry,
  type: 'TenantCreatedEvent',
  timeField: 'created_at',
  schema: body({
    tenant_name: tenantName,
    tier: tierSchema,
    owner_email: email,
    created_at: time,
    created_by: actor,
    db_host: host,
    db_port: port,
    ...settingFields,
  }),
});

export const tenantProvisioningStarted = defineMessage({
  ...worker,
  type: 'TenantProvisioningStartedEvent',
  timeField: 'started_at',
  schema: body({ db_name: identifier, schema_name: identifier.optional(), attempt, started_at: time }),
});

export const tenantDatabaseCreated = defineMessage({
  ...worker,
  type: 'TenantDatabaseCreatedEvent',
  timeField: 'created_at',
  schema: body({ db_name: identifier, created_at: time }),
});

export const tenantSchemaCreated = defineMessage({
  ...worker,
  type: 'TenantSchemaCreatedEvent',
  timeField: 'created_at',
  schema: body({ db_name: identifier, schema_name: identifier, created_at: time }),
});

export const tenantMigrationsCompleted = defineMessage({
  ...worker,
  type: 'TenantMigrationsCompletedEvent',
  timeField: 'completed_at',
  schema: body({ migration_version: migrationVersion, migrations_applied: count, tables_created: count, completed_at: time }),
});

export const tenantMigrationsFailed = defineMessage({
  ...worker,
  type: 'TenantMigrationsFailedEvent',
  timeField: 'failed_at',
  schema: body({ migration_version: migrationVersion, code: slug, reason, sqlstate: sqlState.optional(), failed_at: time }),
});

export const tenantProvisioningFailed = defineMessage({
  ...worker,
  type: 'TenantProvisioningFailedEvent',
  timeField: 'failed_at',
  schema: body({ ...failureFields, attempt, cleaned_up: z.boolean(), failed_at: time }),
});

export const tenantProvisioningRetryRequested = defineMessage({
  ...registry,
  type: 'TenantProvisioningRetryRequestedEvent',
  timeField: 'requested_at',
  schema: body({ attempt, requested_by: actor, requested_at: time }),
});

export const tenantActivated = defineMessage({
  ...registry,
  type: 'TenantActivatedEvent',
  timeField: 'activated_at',
  schema: body({ activated_at: time }),
});

export const tenantSuspended = defineMessage({
  ...registry,
  type: 'TenantSuspendedEvent',
  timeField: 'suspended_at',
  schema: body({ reason, suspended_by: actor, suspended_at: time }),
});

export const tenantReactivated = defineMessage({
  ...registry,
  type: 'TenantReactivatedEvent',
  timeField: 'reactivated_at',
  schema: body({ reactivated_by: actor, reactivated_at: time }),
});

export const tenantTerminated = defineMessage({
  ...registry,
  type: 'TenantTerminatedEvent',
  timeField: 'terminated_at',
  schema: body({
    reason,
    terminated_by: actor,
    data_retention_days: retentionDays,
    purge_after: time,
    terminated_at: time,
  }),
});

export const tenantLegalHoldPlaced = defineMessage({
  ...registry,
  type: 'TenantLegalHoldPlacedEvent',
  timeField: 'placed_at',
  schema: body({ reason, placed_by: actor, placed_at: time }),
});

export const tenantLegalHoldReleased = defineMessage({
  ...registry,
  type: 'TenantLegalHoldReleasedEvent',
  timeField: 'released_at',
  schema: body({ reason, released_by: actor, released_at: time }),
});

export const tenantPurgeRequested = defineMessage({
  ...registry,
  type: 'TenantPurgeRequestedEvent',
  timeField: 'requested_at',
  schema: body({ requested_by: actor, reason, requested_at: time }),
});

export const tenantDataPurged = defineMessage({
  ...worker,
  type: 'TenantDataPurgedEvent',
  timeField: 'purged_at',
  schema: body({ removed: homeObjects, purged_at: time }),
});

export const tenantPurgeFailed = defineMessage({
  ...worker,
  type: 'TenantPurgeFailedEvent',
  timeField: 'failed_at',
  schema: body({ ...failureFields, remaining: homeObjects, failed_at: time }),
});

export const tenantMigrationRequested = defineMessage({
  ...registry,
  type: 'TenantMigrationRequestedEvent',
  timeField: 'requested_at',
  schema: body({ target_version: migrationVersion, rollout_id: uuid, requested_by: actor, requested_at: time }),
});

/**
 * An open migration is not waited for any more: an operator said so, or it has not ended in the time that its rollout gives. What was done
 * of it stays. `request_id` is the id of the event that asked for it.
 */
export const tenantMigrationCancelled = defineMessage({
  ...registry,
  type: 'TenantMigrationCancelledEvent',
  timeField: 'cancelled_at',
  schema: body({ request_id: uuid, code: slug, reason, cancelled_by: actor, cancelled_at: time }),
});

/** Most differences that are listed; `difference_count` says how many there are. */
const DIFFERENCES_MAX = 50;

/**
 * A home is not what its version of the migrations should look like. Told when it is first seen and whenever the differences
 * change, never as an answer to a request.
 */
export const tenantSchemaDriftDetected = defineMessage({
  ...worker,
  type: 'TenantSchemaDriftDetectedEvent',
  timeField: 'detected_at',
  schema: body({
    migration_version: migrationVersion,
    change: driftChange,
    fingerprint: driftFingerprint,
    differences: z.array(z.string().min(1).max(500)).min(1).max(DIFFERENCES_MAX),
    difference_count: count,
    detected_at: time,
  }),
});

/** A home that had drifted is what its version should look like again. */
export const tenantSchemaDriftResolved = defineMessage({
  ...worker,
  type: 'TenantSchemaDriftResolvedEvent',
  timeField: 'resolved_at',
  schema: body({ migration_version: migrationVersion, change: driftChange, resolved_at: time }),
});
