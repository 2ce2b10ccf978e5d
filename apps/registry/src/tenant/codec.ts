import { createEventCodec } from '@ultracore/event-sourcing';
import type { TenantEvent } from './events.ts';

/** Names and versions under which a tenant's events are stored. A changed body gets a new version and an upcaster here. */
export const tenantCodec = createEventCodec<TenantEvent>({
  TenantCreated: { version: 1 },
  ProvisioningRetryRequested: { version: 1 },
  TenantActivated: { version: 1 },
  TenantTerminated: { version: 1 },
  ProvisioningStarted: { version: 1 },
  CredentialsIssued: { version: 1 },
  DatabaseCreated: { version: 1 },
  SchemaCreated: { version: 1 },
  MigrationsCompleted: { version: 1 },
  MigrationsFailed: { version: 1 },
  ProvisioningFailed: { version: 1 },
});

export const TENANT_STREAMS = 'tenant-';
export const streamOf = (tenantId: string): string => `${TENANT_STREAMS}${tenantId}`;
/** The tenant whose stream this is. */
export const tenantOf = (streamName: string): string => streamName.slice(TENANT_STREAMS.length);
