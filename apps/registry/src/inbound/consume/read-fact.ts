import { FACT_APPS, messageByType, TOPICS, uuidSchema, type MessageOf, type MessageType } from '@ultracore/contracts';
import type { Credential, TenantFact } from '../../tenant/facts.ts';

/** What of a message a fact is read from. The codec has checked the body against the schema of its type, and that key, envelope and body agree. */
export interface FactMessage {
  readonly topic: string;
  readonly envelope: { readonly type: string; readonly tenantId: string; readonly causationId?: string };
  readonly body: unknown;
}

export type ReadFact =
  | { readonly ok: true; readonly fact: TenantFact; readonly tenantId: string }
  | { readonly ok: false; readonly reason: string };

/** By topic, the one app whose facts arrive there. */
const OWNER_OF_TOPIC: ReadonlyMap<string, string> = new Map(FACT_APPS.map((app) => [TOPICS.facts(app), app]));

/** What every message that carries a credential says of it. */
type CredentialFields = Omit<MessageOf<'TenantCredentialsIssuedEvent'>, 'event_id' | 'tenant_id' | 'issued_at'>;

const fromCredentialFields = (body: CredentialFields, requestId: string): Credential => ({
  requestId,
  dbUsername: body.db_username,
  dbPasswordEncrypted: body.db_password_encrypted,
  readonlyDbUsername: body.readonly_db_username,
  readonlyDbPasswordEncrypted: body.readonly_db_password_encrypted,
  encryptionAlgorithm: body.encryption_algorithm,
  keyId: body.key_id,
});

type Readers = { readonly [Type in MessageType]?: (body: MessageOf<Type>, requestId: string) => TenantFact };

/** The facts that the registry records, by their public names. A further one needs its line here and its event in the aggregate. */
const READERS = {
  TenantProvisioningStartedEvent: (body, requestId) => ({
    type: 'ProvisioningStarted',
    data: {
      requestId,
      dbName: body.db_name,
      schemaName: body.schema_name ?? null,
      attempt: body.attempt,
      startedAt: body.started_at,
    },
  }),
  TenantCredentialsIssuedEvent: (body, requestId) => ({
    type: 'CredentialsIssued',
    data: { ...fromCredentialFields(body, requestId), issuedAt: body.issued_at },
  }),
  TenantDatabaseCreatedEvent: (body, requestId) => ({
    type: 'DatabaseCreated',
    data: { requestId, dbName: body.db_name, createdAt: body.created_at },
  }),
  TenantSchemaCreatedEvent: (body, requestId) => ({
    type: 'SchemaCreated',
    data: { requestId, dbName: body.db_name, schemaName: body.schema_name, createdAt: body.created_at },
  }),
  TenantMigrationsCompletedEvent: (body, requestId) => ({
    type: 'MigrationsCompleted',
    data: {
      requestId,
      migrationVersion: body.migration_version,
      migrationsApplied: body.migrations_applied,
      tablesCreated: body.tables_created,
      completedAt: body.completed_at,
    },
  }),
  TenantMigrationsFailedEvent: (body, requestId) => ({
    type: 'MigrationsFailed',
    data: {
      requestId,
      migrationVersion: body.migration_version,
      code: body.code,
      reason: body.reason,
      ...(body.sqlstate === undefined ? {} : { sqlState: body.sqlstate }),
      failedAt: body.failed_at,
    },
  }),
  TenantProvisioningFailedEvent: (body, requestId) => ({
    type: 'ProvisioningFailed',
    data: {
      requestId,
      step: body.step,
      code: body.code,
      reason: body.reason,
      attempt: body.attempt,
      cleanedUp: body.cleaned_up,
      failedAt: body.failed_at,
    },
  }),
  TenantPasswordRotatedEvent: (body, requestId) => ({
    type: 'PasswordRotated',
    data: { ...fromCredentialFields(body, requestId), rotatedAt: body.rotated_at },
  }),
  TenantCredentialsResealedEvent: (body, requestId) => ({
    type: 'CredentialsResealed',
    data: {
      ...fromCredentialFields(body, requestId),
      previousKeyId: body.previous_key_id,
      resealedAt: body.resealed_at,
    },
  }),
  TenantPasswordRotationFailedEvent: (body, requestId) => ({
    type: 'PasswordRotationFailed',
    data: { requestId, step: body.step, code: body.code, reason: body.reason, failedAt: body.failed_at },
  }),
  TenantReadReplicaVerifiedEvent: (body, requestId) => ({
    type: 'ReadReplicaVerified',
    data: { requestId, host: body.readonly_db_host, port: body.readonly_db_port, verifiedAt: body.verified_at },
  }),
  TenantReadReplicaRejectedEvent: (body, requestId) => ({
    type: 'ReadReplicaRejected',
    data: {
      requestId,
      host: body.readonly_db_host,
      port: body.readonly_db_port,
      code: body.code,
      reason: body.reason,
      rejectedAt: body.rejected_at,
    },
  }),
  TenantDataPurgedEvent: (body, requestId) => ({
    type: 'DataPurged',
    data: { requestId, removed: body.removed, purgedAt: body.purged_at },
  }),
  TenantPurgeFailedEvent: (body, requestId) => ({
    type: 'PurgeFailed',
    data: {
      requestId,
      step: body.step,
      code: body.code,
      reason: body.reason,
      remaining: body.remaining,
      failedAt: body.failed_at,
    },
  }),
  TenantSchemaDriftDetectedEvent: (body, requestId) => ({
    type: 'SchemaDriftDetected',
    data: {
      requestId,
      migrationVersion: body.migration_version,
      change: body.change,
      fingerprint: body.fingerprint,
      differences: body.differences,
      differenceCount: body.difference_count,
      detectedAt: body.detected_at,
    },
  }),
  TenantSchemaDriftResolvedEvent: (body, requestId) => ({
    type: 'SchemaDriftResolved',
    data: { requestId, migrationVersion: body.migration_version, change: body.change, resolvedAt: body.resolved_at },
  }),
  TenantIsolationVerifiedEvent: (body, requestId) => ({
    type: 'IsolationVerified',
    data: {
      requestId,
      verdict: body.verdict,
      probesRun: body.probes_run,
      failedProbes: body.failed_probes,
      corpusVersion: body.corpus_version ?? null,
      verifiedAt: body.verified_at,
    },
  }),
} as const satisfies Readers;

/** The types that `readFact` reads. */
export const FACT_TYPES: readonly string[] = Object.keys(READERS);
type FactType = keyof typeof READERS;
const isFactType = (type: string): type is FactType => Object.hasOwn(READERS, type);

/**
 * A fact from its message, or why it is none. A type counts only on the topic of the app that owns it: whoever can write to another topic
 * can therefore forge nothing. The request it is about is its causation; its id in the stream is its own.
 */
export function readFact({ topic, envelope, body }: FactMessage): ReadFact {
  const { type, tenantId, causationId } = envelope;
  if (!isFactType(type)) return refused(`the registry records no facts of type ${type}`);
  if (OWNER_OF_TOPIC.get(topic) !== messageByType(type).owner) return refused(`${type} is not accepted from ${topic}`);
  if (causationId === undefined || !uuidSchema.safeParse(causationId).success) {
    return refused('ce_causationid does not name the request that the fact is about');
  }
  // One reader of the table, and a body of the schema of the same name.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const reader = READERS[type] as (body: unknown, requestId: string) => TenantFact;
  return { ok: true, tenantId, fact: reader(body, causationId) };
}

const refused = (reason: string): ReadFact => ({ ok: false, reason });
