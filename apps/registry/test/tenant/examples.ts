import { v5 } from 'uuid';
import type { CreateTenant } from '../../src/tenant/commands.ts';
import type { TenantCreated, TenantEvent } from '../../src/tenant/events.ts';
import type { TenantFact } from '../../src/tenant/facts.ts';
import { fromSettingsRow } from '../../src/tenant/row.ts';

/** Names for ids in tests: the same word is always the same UUID. */
export const idOf = (name: string): string => v5(name, v5.DNS);

const T0 = '2026-03-01T09:00:00.000Z';
export const minutesLater = (minutes: number): string => new Date(Date.parse(T0) + minutes * 60_000).toISOString();

const settings = fromSettingsRow({
  min_connections: 5,
  max_connections: 20,
  connection_timeout_seconds: 30,
  idle_timeout_seconds: 600,
  max_cpu_percent: 80,
  max_memory_mb: 2048,
  max_storage_gb: 100,
  max_concurrent_queries: 100,
  timezone: 'UTC',
  locale: 'en_US',
  auto_update: true,
  auto_scale: false,
});

export const createCommand: CreateTenant = {
  type: 'CreateTenant',
  requestId: idOf('creation'),
  tenantId: 'standard-002',
  tenantName: 'Standard Wealth GmbH',
  tier: 'standard',
  ownerEmail: 'owner@example.com',
  createdBy: 'op-1',
  placement: { host: '127.0.0.1', port: 5432, connectionBudget: 90 },
  settings,
  now: T0,
};

export const created: TenantCreated = {
  type: 'TenantCreated',
  data: {
    requestId: idOf('creation'),
    tenantId: 'standard-002',
    tenantName: 'Standard Wealth GmbH',
    tier: 'standard',
    ownerEmail: 'owner@example.com',
    createdAt: T0,
    createdBy: 'op-1',
    dbHost: '127.0.0.1',
    dbPort: 5432,
    settings,
  },
};

const sealed = (what: string) => `v1.k1.00aa.${what}`;
export const credentialOf = (requestId: string) => ({
  requestId,
  dbUsername: 'uc_standard_002',
  dbPasswordEncrypted: sealed('rw'),
  readonlyDbUsername: 'uc_standard_002__ro',
  readonlyDbPasswordEncrypted: sealed('ro'),
  encryptionAlgorithm: 'AES-256-GCM',
  keyId: 'k1',
});

const standby = { host: '10.0.0.2', port: 5433 };

/** What can be said of a request: of a provisioning in the order in which the worker says it, then of all other kinds. */
export function factsOf(requestId: string, { attempt = 1, at = 1 } = {}) {
  const time = (n: number) => minutesLater(at + n / 10);
  return {
    started: {
      type: 'ProvisioningStarted',
      data: { requestId, dbName: 'ultracore_shared', schemaName: 'tenant_standard_002', attempt, startedAt: time(0) },
    },
    issued: { type: 'CredentialsIssued', data: { ...credentialOf(requestId), issuedAt: time(1) } },
    schema: {
      type: 'SchemaCreated',
      data: { requestId, dbName: 'ultracore_shared', schemaName: 'tenant_standard_002', createdAt: time(2) },
    },
    migrated: {
      type: 'MigrationsCompleted',
      data: { requestId, migrationVersion: '0003', migrationsApplied: 3, tablesCreated: 12, completedAt: time(3) },
    },
    migrationsFailed: {
      type: 'MigrationsFailed',
      data: { requestId, migrationVersion: '0002', code: 'syntax_error', reason: 'line 3', failedAt: time(3) },
    },
    failed: {
      type: 'ProvisioningFailed',
      data: {
        requestId,
        step: 'migrate',
        code: 'migration_failed',
        reason: 'line 3',
        attempt,
        cleanedUp: true,
        failedAt: time(4),
      },
    },
    rotated: { type: 'PasswordRotated', data: { ...credentialOf(requestId), rotatedAt: time(5) } },
    resealed: {
      type: 'CredentialsResealed',
      data: {
        ...credentialOf(requestId),
        dbPasswordEncrypted: 'v1.k2.00bb.rw',
        readonlyDbPasswordEncrypted: 'v1.k2.00bb.ro',
        keyId: 'k2',
        previousKeyId: 'k1',
        resealedAt: time(5),
      },
    },
    rotationFailed: {
      type: 'PasswordRotationFailed',
      data: { requestId, step: 'alter', code: 'refused', reason: 'no', failedAt: time(5) },
    },
    verified: { type: 'ReadReplicaVerified', data: { requestId, ...standby, verifiedAt: time(5) } },
    rejected: {
      type: 'ReadReplicaRejected',
      data: { requestId, ...standby, code: 'not_in_recovery', reason: 'it is a primary', rejectedAt: time(5) },
    },
    purged: {
      type: 'DataPurged',
      data: { requestId, removed: [{ kind: 'role', name: 'uc_standard_002', counted: {} }], purgedAt: time(6) },
    },
    purgeFailed: {
      type: 'PurgeFailed',
      data: { requestId, step: 'prove', code: 'left_over', reason: 'a role', remaining: [], failedAt: time(6) },
    },
    drifted: {
      type: 'SchemaDriftDetected',
      data: {
        requestId,
        migrationVersion: '0003',
        change: 1,
        fingerprint: 'ab'.repeat(32),
        differences: ['table notes is not part of version 0003'],
        differenceCount: 1,
        detectedAt: time(7),
      },
    },
    undrifted: {
      type: 'SchemaDriftResolved',
      data: { requestId, migrationVersion: '0003', change: 2, resolvedAt: time(8) },
    },
    isolation: {
      type: 'IsolationVerified',
      data: { requestId, verdict: 'isolated', probesRun: 120, failedProbes: [], corpusVersion: null, verifiedAt: time(7) },
    },
  } as const satisfies Record<string, TenantFact>;
}

export const FACT_NAMES = [
  'started',
  'issued',
  'schema',
  'migrated',
  'migrationsFailed',
  'failed',
  'rotated',
  'resealed',
  'rotationFailed',
  'verified',
  'rejected',
  'purged',
  'purgeFailed',
  'drifted',
  'undrifted',
  'isolation',
] as const satisfies readonly (keyof ReturnType<typeof factsOf>)[];

export const record = (fact: TenantFact, now: string = minutesLater(2)) => ({ type: 'RecordFact', fact, now }) as const;
export const activated = (requestId: string, activatedAt: string): TenantEvent => ({
  type: 'TenantActivated',
  data: { requestId, activatedAt },
});
export const retried = (requestId: string, attempt: number, requestedAt: string): TenantEvent => ({
  type: 'ProvisioningRetryRequested',
  data: { requestId, attempt, requestedBy: 'op-1', requestedAt },
});
export const terminated = (at: string): TenantEvent => ({
  type: 'TenantTerminated',
  data: { reason: 'mistake', terminatedBy: 'op-1', terminatedAt: at, dataRetentionDays: 0, purgeAfter: at },
});
