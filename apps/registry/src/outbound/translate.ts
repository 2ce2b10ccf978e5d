import { messageByType, type Envelope, type MessageOf, type MessageType } from '@ultracore/contracts';
import type { StoredEvent } from '@ultracore/event-sourcing';
import { tenantCodec, tenantOf } from '../tenant/codec.ts';
import type { TenantEvent } from '../tenant/events.ts';
import { toSettingsRow } from '../tenant/row.ts';

/** A message of the contract, ready to be published. */
export interface PublicMessage {
  readonly topic: string;
  /** The tenant id: one tenant's messages keep their order. */
  readonly key: string;
  readonly envelope: Envelope;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Of an event that is stored, or about to be, what its message is made of beside its body. */
export type EventPlace = Pick<StoredEvent, 'id' | 'streamName' | 'revision' | 'metadata'>;

/** What every event stored about a tenant says to the outside. Pure. `event` is what the codec reads from `stored`. */
export function translate(stored: EventPlace, event: TenantEvent): PublicMessage {
  const tenantId = tenantOf(stored.streamName);
  const { type, time, fields } = spoken(event);
  const { topic, owner } = messageByType(type);
  const { correlationId, causationId, traceparent } = stored.metadata;
  return {
    topic,
    key: tenantId,
    envelope: {
      id: stored.id,
      type,
      source: `/ultracore/${owner}`,
      subject: stored.streamName,
      time,
      tenantId,
      sequence: Number(stored.revision),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(causationId === undefined ? {} : { causationId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    body: { event_id: stored.id, tenant_id: tenantId, ...fields },
  };
}

/** A stored event by its public name and body, for a tenant's history. */
export function describeEvent(stored: StoredEvent): { type: string; time: string; body: Readonly<Record<string, unknown>> } {
  const { envelope, body } = translate(stored, tenantCodec.decode(stored));
  return { type: envelope.type, time: envelope.time, body };
}

interface Spoken {
  readonly type: MessageType;
  readonly time: string;
  readonly fields: object;
}

type Fields<Type extends MessageType> = Omit<MessageOf<Type>, 'event_id' | 'tenant_id'>;

/** Checks the fields against the contract's type of that name. */
const say = <Type extends MessageType>(type: Type, time: string, fields: Fields<Type>): Spoken => ({ type, time, fields });

function spoken(event: TenantEvent): Spoken {
  switch (event.type) {
    case 'TenantCreated': {
      const { data } = event;
      return say('TenantCreatedEvent', data.createdAt, {
        tenant_name: data.tenantName,
        tier: data.tier,
        owner_email: data.ownerEmail,
        created_at: data.createdAt,
        created_by: data.createdBy,
        db_host: data.dbHost,
        db_port: data.dbPort,
        ...toSettingsRow(data.settings),
      });
    }
    case 'ProvisioningRetryRequested': {
      const { attempt, requestedBy, requestedAt } = event.data;
      return say('TenantProvisioningRetryRequestedEvent', requestedAt, {
        attempt,
        requested_by: requestedBy,
        requested_at: requestedAt,
      });
    }
    case 'TenantActivated':
      return say('TenantActivatedEvent', event.data.activatedAt, { activated_at: event.data.activatedAt });
    case 'TenantTerminated': {
      const { data } = event;
      return say('TenantTerminatedEvent', data.terminatedAt, {
        reason: data.reason,
        terminated_by: data.terminatedBy,
        data_retention_days: data.dataRetentionDays,
        purge_after: data.purgeAfter,
        terminated_at: data.terminatedAt,
      });
    }
    case 'ProvisioningStarted': {
      const { dbName, schemaName, attempt, startedAt } = event.data;
      return say('TenantProvisioningStartedEvent', startedAt, {
        db_name: dbName,
        ...(schemaName === null ? {} : { schema_name: schemaName }),
        attempt,
        started_at: startedAt,
      });
    }
    case 'CredentialsIssued': {
      const { data } = event;
      return say('TenantCredentialsIssuedEvent', data.issuedAt, {
        db_username: data.dbUsername,
        db_password_encrypted: data.dbPasswordEncrypted,
        readonly_db_username: data.readonlyDbUsername,
        readonly_db_password_encrypted: data.readonlyDbPasswordEncrypted,
        encryption_algorithm: data.encryptionAlgorithm,
        key_id: data.keyId,
        issued_at: data.issuedAt,
      });
    }
    case 'DatabaseCreated': {
      const { dbName, createdAt } = event.data;
      return say('TenantDatabaseCreatedEvent', createdAt, { db_name: dbName, created_at: createdAt });
    }
    case 'SchemaCreated': {
      const { dbName, schemaName, createdAt } = event.data;
      return say('TenantSchemaCreatedEvent', createdAt, { db_name: dbName, schema_name: schemaName, created_at: createdAt });
    }
    case 'MigrationsCompleted': {
      const { data } = event;
      return say('TenantMigrationsCompletedEvent', data.completedAt, {
        migration_version: data.migrationVersion,
        migrations_applied: data.migrationsApplied,
        tables_created: data.tablesCreated,
        completed_at: data.completedAt,
      });
    }
    case 'MigrationsFailed': {
      const { migrationVersion, code, reason, failedAt } = event.data;
      return say('TenantMigrationsFailedEvent', failedAt, {
        migration_version: migrationVersion,
        code,
        reason,
        failed_at: failedAt,
      });
    }
    case 'ProvisioningFailed': {
      const { step, code, reason, attempt, cleanedUp, failedAt } = event.data;
      return say('TenantProvisioningFailedEvent', failedAt, {
        step,
        code,
        reason,
        attempt,
        cleaned_up: cleanedUp,
        failed_at: failedAt,
      });
    }
    default:
      return event satisfies never;
  }
}
