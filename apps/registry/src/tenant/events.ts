import type { TenantSettings } from './settings.ts';

export type Tier = 'enterprise' | 'standard' | 'small';

/** What was made for one request: both logins of a home, with their passwords sealed. */
export interface Credential {
  /** The request that had it issued. */
  readonly requestId: string;
  readonly dbUsername: string;
  readonly dbPasswordEncrypted: string;
  readonly readonlyDbUsername: string;
  readonly readonlyDbPasswordEncrypted: string;
  readonly encryptionAlgorithm: string;
  readonly keyId: string;
}

interface Event<Type extends string, Data> {
  readonly type: Type;
  readonly data: Data;
}

/** Asks for a home: its own event id is the id of the provisioning request. */
export type TenantCreated = Event<
  'TenantCreated',
  {
    readonly requestId: string;
    readonly tenantId: string;
    readonly tenantName: string;
    readonly tier: Tier;
    readonly ownerEmail: string;
    readonly createdAt: string;
    readonly createdBy: string;
    readonly dbHost: string;
    readonly dbPort: number;
    readonly settings: TenantSettings;
  }
>;
/** Asks for a home once more; supersedes the request before it. */
type ProvisioningRetryRequested = Event<
  'ProvisioningRetryRequested',
  { readonly requestId: string; readonly attempt: number; readonly requestedBy: string; readonly requestedAt: string }
>;
export type TenantActivated = Event<'TenantActivated', { readonly requestId: string; readonly activatedAt: string }>;
type TenantTerminated = Event<
  'TenantTerminated',
  {
    readonly reason: string;
    readonly terminatedBy: string;
    readonly terminatedAt: string;
    readonly dataRetentionDays: number;
    readonly purgeAfter: string;
  }
>;

/** What the registry decides. Moves a tenant's ETag. */
type DecidedEvent = TenantCreated | ProvisioningRetryRequested | TenantActivated | TenantTerminated;

export type ProvisioningStarted = Event<
  'ProvisioningStarted',
  {
    readonly requestId: string;
    readonly dbName: string;
    readonly schemaName: string | null;
    readonly attempt: number;
    readonly startedAt: string;
  }
>;
export type CredentialsIssued = Event<'CredentialsIssued', Credential & { readonly issuedAt: string }>;
type DatabaseCreated = Event<
  'DatabaseCreated',
  { readonly requestId: string; readonly dbName: string; readonly createdAt: string }
>;
type SchemaCreated = Event<
  'SchemaCreated',
  { readonly requestId: string; readonly dbName: string; readonly schemaName: string; readonly createdAt: string }
>;
type MigrationsCompleted = Event<
  'MigrationsCompleted',
  {
    readonly requestId: string;
    readonly migrationVersion: string;
    readonly migrationsApplied: number;
    readonly tablesCreated: number;
    readonly completedAt: string;
  }
>;
type MigrationsFailed = Event<
  'MigrationsFailed',
  {
    readonly requestId: string;
    readonly migrationVersion: string;
    readonly code: string;
    readonly reason: string;
    readonly failedAt: string;
  }
>;
type ProvisioningFailed = Event<
  'ProvisioningFailed',
  {
    readonly requestId: string;
    readonly step: string;
    readonly code: string;
    readonly reason: string;
    readonly attempt: number;
    readonly cleanedUp: boolean;
    readonly failedAt: string;
  }
>;

/** What another service did or could not do for a request. Recorded always; changes something only while the request is open. */
export type TenantFact =
  | ProvisioningStarted
  | CredentialsIssued
  | DatabaseCreated
  | SchemaCreated
  | MigrationsCompleted
  | MigrationsFailed
  | ProvisioningFailed;

export type TenantEvent = DecidedEvent | TenantFact;
