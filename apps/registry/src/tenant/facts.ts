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

export interface Event<Type extends string, Data> {
  readonly type: Type;
  readonly data: Data;
}

/** Why something could not be done. */
interface Failed {
  readonly requestId: string;
  readonly step: string;
  readonly code: string;
  readonly reason: string;
  readonly failedAt: string;
}

/** An object of a home, with what was counted in it. */
export interface HomeObject {
  readonly kind: string;
  readonly name: string;
  readonly counted: Readonly<Record<string, number>>;
}

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
/** The next credential, for a creation or a rotation: not yet in force. */
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
    /** What Postgres said; not in those that were recorded before it was told. */
    readonly sqlState?: string;
    readonly failedAt: string;
  }
>;
type ProvisioningFailed = Event<'ProvisioningFailed', Failed & { readonly attempt: number; readonly cleanedUp: boolean }>;

/** The credential that is now in force. */
type PasswordRotated = Event<'PasswordRotated', Credential & { readonly rotatedAt: string }>;
/** The passwords of a credential, sealed with another key. Its request is the one that had the credential issued. */
type CredentialsResealed = Event<
  'CredentialsResealed',
  Credential & { readonly previousKeyId: string; readonly resealedAt: string }
>;
/** The credential before is still the one in force. */
type PasswordRotationFailed = Event<'PasswordRotationFailed', Failed>;

type ReadReplicaVerified = Event<
  'ReadReplicaVerified',
  { readonly requestId: string; readonly host: string; readonly port: number; readonly verifiedAt: string }
>;
type ReadReplicaRejected = Event<
  'ReadReplicaRejected',
  {
    readonly requestId: string;
    readonly host: string;
    readonly port: number;
    readonly code: string;
    readonly reason: string;
    readonly rejectedAt: string;
  }
>;

type DataPurged = Event<
  'DataPurged',
  { readonly requestId: string; readonly removed: readonly HomeObject[]; readonly purgedAt: string }
>;
type PurgeFailed = Event<'PurgeFailed', Failed & { readonly remaining: readonly HomeObject[] }>;

type IsolationVerified = Event<
  'IsolationVerified',
  {
    readonly requestId: string;
    readonly verdict: 'isolated' | 'breached' | 'inconclusive';
    readonly probesRun: number;
    readonly failedProbes: readonly string[];
    readonly corpusVersion: string | null;
    readonly verifiedAt: string;
  }
>;

/** The home is not what its version should look like. Its request is the one that made the home. */
type SchemaDriftDetected = Event<
  'SchemaDriftDetected',
  {
    readonly requestId: string;
    readonly migrationVersion: string;
    readonly change: number;
    readonly fingerprint: string;
    readonly differences: readonly string[];
    readonly differenceCount: number;
    readonly detectedAt: string;
  }
>;
type SchemaDriftResolved = Event<
  'SchemaDriftResolved',
  { readonly requestId: string; readonly migrationVersion: string; readonly change: number; readonly resolvedAt: string }
>;

/** What another service did or could not do for a request. Recorded always; changes something only while the request is open. */
export type TenantFact =
  | ProvisioningStarted
  | CredentialsIssued
  | DatabaseCreated
  | SchemaCreated
  | MigrationsCompleted
  | MigrationsFailed
  | ProvisioningFailed
  | PasswordRotated
  | CredentialsResealed
  | PasswordRotationFailed
  | ReadReplicaVerified
  | ReadReplicaRejected
  | DataPurged
  | PurgeFailed
  | SchemaDriftDetected
  | SchemaDriftResolved
  | IsolationVerified;
