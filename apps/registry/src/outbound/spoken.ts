import type { MessageOf, MessageType } from '@ultracore/contracts';
import type { DecidedEvent, TenantEvent } from '../tenant/events.ts';
import type { Credential, TenantFact } from '../tenant/facts.ts';
import { toSettingsRow } from '../tenant/row.ts';

/** An event by its public name, its time and its body without the fields that all have. */
interface Spoken {
  readonly type: MessageType;
  readonly time: string;
  readonly fields: object;
}

type Fields<Type extends MessageType> = Omit<MessageOf<Type>, 'event_id' | 'tenant_id'>;

/** Checks the fields against the contract's type of that name. */
const say = <Type extends MessageType>(type: Type, time: string, fields: Fields<Type>): Spoken => ({ type, time, fields });

type Sayings<Event extends TenantEvent> = {
  readonly [Type in Event['type']]: (data: Extract<Event, { type: Type }>['data']) => Spoken;
};

const DECIDED: Sayings<DecidedEvent> = {
  TenantCreated: (data) =>
    say('TenantCreatedEvent', data.createdAt, {
      tenant_name: data.tenantName,
      tier: data.tier,
      owner_email: data.ownerEmail,
      created_at: data.createdAt,
      created_by: data.createdBy,
      db_host: data.dbHost,
      db_port: data.dbPort,
      ...toSettingsRow(data.settings),
    }),
  ProvisioningRetryRequested: ({ attempt, requestedBy, requestedAt }) =>
    say('TenantProvisioningRetryRequestedEvent', requestedAt, {
      attempt,
      requested_by: requestedBy,
      requested_at: requestedAt,
    }),
  TenantActivated: ({ activatedAt }) => say('TenantActivatedEvent', activatedAt, { activated_at: activatedAt }),
  TenantSuspended: ({ reason, suspendedBy, suspendedAt }) =>
    say('TenantSuspendedEvent', suspendedAt, { reason, suspended_by: suspendedBy, suspended_at: suspendedAt }),
  TenantReactivated: ({ reactivatedBy, reactivatedAt }) =>
    say('TenantReactivatedEvent', reactivatedAt, { reactivated_by: reactivatedBy, reactivated_at: reactivatedAt }),
  TenantTerminated: (data) =>
    say('TenantTerminatedEvent', data.terminatedAt, {
      reason: data.reason,
      terminated_by: data.terminatedBy,
      data_retention_days: data.dataRetentionDays,
      purge_after: data.purgeAfter,
      terminated_at: data.terminatedAt,
    }),
  LegalHoldPlaced: ({ reason, placedBy, placedAt }) =>
    say('TenantLegalHoldPlacedEvent', placedAt, { reason, placed_by: placedBy, placed_at: placedAt }),
  LegalHoldReleased: ({ reason, releasedBy, releasedAt }) =>
    say('TenantLegalHoldReleasedEvent', releasedAt, { reason, released_by: releasedBy, released_at: releasedAt }),
  PurgeRequested: ({ reason, requestedBy, requestedAt }) =>
    say('TenantPurgeRequestedEvent', requestedAt, { reason, requested_by: requestedBy, requested_at: requestedAt }),
  MigrationRequested: ({ targetVersion, rolloutId, requestedBy, requestedAt }) =>
    say('TenantMigrationRequestedEvent', requestedAt, {
      target_version: targetVersion,
      rollout_id: rolloutId,
      requested_by: requestedBy,
      requested_at: requestedAt,
    }),
  MigrationCancelled: ({ requestId, code, reason, cancelledBy, cancelledAt }) =>
    say('TenantMigrationCancelledEvent', cancelledAt, {
      request_id: requestId,
      code,
      reason,
      cancelled_by: cancelledBy,
      cancelled_at: cancelledAt,
    }),
  PasswordRotationRequested: ({ reason, requestedBy, requestedAt }) =>
    say('TenantPasswordRotationRequestedEvent', requestedAt, {
      reason,
      requested_by: requestedBy,
      requested_at: requestedAt,
    }),
  ReadReplicaRequested: ({ host, port, requestedBy, requestedAt }) =>
    say('TenantReadReplicaRequestedEvent', requestedAt, {
      ...replicaFields({ host, port }),
      requested_by: requestedBy,
      requested_at: requestedAt,
    }),
  ReadReplicaAdded: ({ host, port, addedAt }) =>
    say('TenantReadReplicaAddedEvent', addedAt, { ...replicaFields({ host, port }), added_at: addedAt }),
  ReadReplicaRemoved: ({ host, port, removedBy, removedAt }) =>
    say('TenantReadReplicaRemovedEvent', removedAt, {
      ...replicaFields({ host, port }),
      removed_by: removedBy,
      removed_at: removedAt,
    }),
  ConfigUpdated: ({ key, oldValue, newValue, updatedBy, updatedAt }) =>
    say('TenantConfigUpdatedEvent', updatedAt, {
      config_key: key,
      old_value: oldValue,
      new_value: newValue,
      updated_by: updatedBy,
      updated_at: updatedAt,
    }),
  ConnectionPoolResized: (data) =>
    say('TenantConnectionPoolResizedEvent', data.resizedAt, {
      old_min_connections: data.oldMinConnections,
      new_min_connections: data.newMinConnections,
      old_max_connections: data.oldMaxConnections,
      new_max_connections: data.newMaxConnections,
      reason: data.reason,
      resized_by: data.resizedBy,
      resized_at: data.resizedAt,
    }),
  ScaledUp: (data) => say('TenantScaledUpEvent', data.scaledAt, scalingFields(data)),
  ScaledDown: (data) => say('TenantScaledDownEvent', data.scaledAt, scalingFields(data)),
  AccessGranted: ({ userId, role, grantedBy, grantedAt }) =>
    say('TenantAccessGrantedEvent', grantedAt, { user_id: userId, role, granted_by: grantedBy, granted_at: grantedAt }),
  AccessRevoked: ({ userId, role, revokedBy, revokedAt }) =>
    say('TenantAccessRevokedEvent', revokedAt, { user_id: userId, role, revoked_by: revokedBy, revoked_at: revokedAt }),
};

const FACTS: Sayings<TenantFact> = {
  ProvisioningStarted: ({ dbName, schemaName, attempt, startedAt }) =>
    say('TenantProvisioningStartedEvent', startedAt, {
      db_name: dbName,
      ...(schemaName === null ? {} : { schema_name: schemaName }),
      attempt,
      started_at: startedAt,
    }),
  CredentialsIssued: (data) =>
    say('TenantCredentialsIssuedEvent', data.issuedAt, { ...credentialFields(data), issued_at: data.issuedAt }),
  DatabaseCreated: ({ dbName, createdAt }) =>
    say('TenantDatabaseCreatedEvent', createdAt, { db_name: dbName, created_at: createdAt }),
  SchemaCreated: ({ dbName, schemaName, createdAt }) =>
    say('TenantSchemaCreatedEvent', createdAt, { db_name: dbName, schema_name: schemaName, created_at: createdAt }),
  MigrationsCompleted: (data) =>
    say('TenantMigrationsCompletedEvent', data.completedAt, {
      migration_version: data.migrationVersion,
      migrations_applied: data.migrationsApplied,
      tables_created: data.tablesCreated,
      completed_at: data.completedAt,
    }),
  MigrationsFailed: ({ migrationVersion, code, reason, sqlState, failedAt }) =>
    say('TenantMigrationsFailedEvent', failedAt, {
      migration_version: migrationVersion,
      code,
      reason,
      ...(sqlState === undefined ? {} : { sqlstate: sqlState }),
      failed_at: failedAt,
    }),
  ProvisioningFailed: ({ attempt, cleanedUp, ...failed }) =>
    say('TenantProvisioningFailedEvent', failed.failedAt, { ...failureFields(failed), attempt, cleaned_up: cleanedUp }),
  PasswordRotated: (data) =>
    say('TenantPasswordRotatedEvent', data.rotatedAt, { ...credentialFields(data), rotated_at: data.rotatedAt }),
  CredentialsResealed: (data) =>
    say('TenantCredentialsResealedEvent', data.resealedAt, {
      ...credentialFields(data),
      previous_key_id: data.previousKeyId,
      resealed_at: data.resealedAt,
    }),
  PasswordRotationFailed: (data) => say('TenantPasswordRotationFailedEvent', data.failedAt, failureFields(data)),
  ReadReplicaVerified: ({ host, port, verifiedAt }) =>
    say('TenantReadReplicaVerifiedEvent', verifiedAt, { ...replicaFields({ host, port }), verified_at: verifiedAt }),
  ReadReplicaRejected: ({ host, port, code, reason, rejectedAt }) =>
    say('TenantReadReplicaRejectedEvent', rejectedAt, {
      ...replicaFields({ host, port }),
      code,
      reason,
      rejected_at: rejectedAt,
    }),
  DataPurged: ({ removed, purgedAt }) =>
    say('TenantDataPurgedEvent', purgedAt, { removed: removed.map(homeObject), purged_at: purgedAt }),
  PurgeFailed: ({ remaining, ...failed }) =>
    say('TenantPurgeFailedEvent', failed.failedAt, { ...failureFields(failed), remaining: remaining.map(homeObject) }),
  SchemaDriftDetected: ({ migrationVersion, change, fingerprint, differences, differenceCount, detectedAt }) =>
    say('TenantSchemaDriftDetectedEvent', detectedAt, {
      migration_version: migrationVersion,
      change,
      fingerprint,
      differences: [...differences],
      difference_count: differenceCount,
      detected_at: detectedAt,
    }),
  SchemaDriftResolved: ({ migrationVersion, change, resolvedAt }) =>
    say('TenantSchemaDriftResolvedEvent', resolvedAt, { migration_version: migrationVersion, change, resolved_at: resolvedAt }),
  IsolationVerified: ({ verdict, probesRun, failedProbes, corpusVersion, verifiedAt }) =>
    say('TenantIsolationVerifiedEvent', verifiedAt, {
      verdict,
      probes_run: probesRun,
      failed_probes: [...failedProbes],
      ...(corpusVersion === null ? {} : { corpus_version: corpusVersion }),
      verified_at: verifiedAt,
    }),
};

const SAYINGS: Sayings<TenantEvent> = { ...DECIDED, ...FACTS };

/** What a stored event says to the outside. Pure. */
export function spoken(event: TenantEvent): Spoken {
  // One reader of the table, and the data of the event of the same name.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const saying = SAYINGS[event.type] as (data: TenantEvent['data']) => Spoken;
  return saying(event.data);
}

const replicaFields = ({ host, port }: { readonly host: string; readonly port: number }) => ({
  readonly_db_host: host,
  readonly_db_port: port,
});

const credentialFields = (data: Credential) => ({
  db_username: data.dbUsername,
  db_password_encrypted: data.dbPasswordEncrypted,
  readonly_db_username: data.readonlyDbUsername,
  readonly_db_password_encrypted: data.readonlyDbPasswordEncrypted,
  encryption_algorithm: data.encryptionAlgorithm,
  key_id: data.keyId,
});

const failureFields = ({
  step,
  code,
  reason,
  failedAt,
}: {
  readonly step: string;
  readonly code: string;
  readonly reason: string;
  readonly failedAt: string;
}) => ({ step, code, reason, failed_at: failedAt });

const scalingFields = (data: Extract<DecidedEvent, { type: 'ScaledUp' }>['data']) => ({
  resource_type: data.resourceType,
  old_limit: data.oldLimit,
  new_limit: data.newLimit,
  reason: data.reason,
  ...(data.recommendationId === null ? {} : { recommendation_id: data.recommendationId }),
  scaled_at: data.scaledAt,
});

const homeObject = ({ kind, name, counted }: Extract<TenantFact, { type: 'DataPurged' }>['data']['removed'][number]) => ({
  kind,
  name,
  counted: { ...counted },
});
