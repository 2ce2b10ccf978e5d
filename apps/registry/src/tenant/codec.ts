import { createEventCodec } from '@ultracore/event-sourcing';
import type { TenantEvent } from './events.ts';

/** Names and versions under which a tenant's events are stored. A changed body gets a new version and an upcaster here. */
export const tenantCodec = createEventCodec<TenantEvent>({
  TenantCreated: { version: 1 },
  ProvisioningRetryRequested: { version: 1 },
  TenantActivated: { version: 1 },
  TenantTerminated: { version: 1 },
  TenantSuspended: { version: 1 },
  TenantReactivated: { version: 1 },
  LegalHoldPlaced: { version: 1 },
  LegalHoldReleased: { version: 1 },
  PurgeRequested: { version: 1 },
  MigrationRequested: { version: 1 },
  MigrationCancelled: { version: 1 },
  PasswordRotationRequested: { version: 1 },
  ReadReplicaRequested: { version: 1 },
  ReadReplicaAdded: { version: 1 },
  ReadReplicaRemoved: { version: 1 },
  ConfigUpdated: { version: 1 },
  ConnectionPoolResized: { version: 1 },
  ScaledUp: { version: 1 },
  ScaledDown: { version: 1 },
  AccessGranted: { version: 1 },
  AccessRevoked: { version: 1 },
  ProvisioningStarted: { version: 1 },
  CredentialsIssued: { version: 1 },
  DatabaseCreated: { version: 1 },
  SchemaCreated: { version: 1 },
  MigrationsCompleted: { version: 1 },
  MigrationsFailed: { version: 1 },
  ProvisioningFailed: { version: 1 },
  PasswordRotated: { version: 1 },
  CredentialsResealed: { version: 1 },
  PasswordRotationFailed: { version: 1 },
  ReadReplicaVerified: { version: 1 },
  ReadReplicaRejected: { version: 1 },
  DataPurged: { version: 1 },
  PurgeFailed: { version: 1 },
  SchemaDriftDetected: { version: 1 },
  SchemaDriftResolved: { version: 1 },
  IsolationVerified: { version: 1 },
});

export const TENANT_STREAMS = 'tenant-';
export const streamOf = (tenantId: string): string => `${TENANT_STREAMS}${tenantId}`;
/** The tenant whose stream this is. */
export const tenantOf = (streamName: string): string => streamName.slice(TENANT_STREAMS.length);
