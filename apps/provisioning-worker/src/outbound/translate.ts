import { messagesOn, TOPICS, toReason, type MessageOf } from '@ultracore/contracts';
import type { CodecMessage, OutRecord } from '@ultracore/kafka';
import type { HomeNames } from '@ultracore/tenant-database';
import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import type { Failure, Tier } from '../provisioning/situation.ts';
import type { FactType, StepName, UndoStepName } from '../provisioning/steps.ts';
import type { SealedCredential } from '../store/work.ts';

const FACTS_TOPIC = TOPICS.facts('provisioning-worker');

/** What this app may say, where it says it. */
export const FACT_MESSAGES: readonly CodecMessage[] = messagesOn(FACTS_TOPIC).map(({ type }) => ({ topic: FACTS_TOPIC, type }));

/** What a fact says beside the common fields. */
type FieldsOf<Type extends FactType> = Omit<MessageOf<Type>, 'event_id' | 'tenant_id'>;

/** A fact of any type with the fields of that type. */
export type Fact = { [Type in FactType]: { readonly type: Type; readonly fields: FieldsOf<Type> } }[FactType];

/** What the facts of a request are made of. */
export interface Told {
  readonly tier: Tier;
  readonly names: HomeNames;
  readonly attempt: number;
  readonly sealed: SealedCredential | null;
  readonly failure: Failure | null;
  /** What the closed steps left behind, by step. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** What step `migrate` leaves behind for the fact that ends a creation. */
const migrationOutcome = z.object({ version: z.string(), applied: z.int(), tablesCreated: z.int() });
export type MigrationOutcome = z.infer<typeof migrationOutcome>;

/** What step `undo` leaves behind. */
const undoOutcome = z.object({ cleanedUp: z.boolean() });
export type UndoOutcome = z.infer<typeof undoOutcome>;

/** For a failure of migrations of which none is known to be the one. */
const NO_VERSION = '0000';

/** The fact that a step tells, or undefined for a step of which only the worker knows. Throws for a step told too early. */
export function factOfStep(step: StepName | UndoStepName, told: Told, time: string): Fact | undefined {
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
      const { code, reason, migrationVersion } = given(told.failure, step);
      const fields = { migration_version: migrationVersion ?? NO_VERSION, code, reason: toReason(reason), failed_at: time };
      return { type: 'TenantMigrationsFailedEvent', fields };
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

function given<Value>(value: Value | null, step: string): Value {
  if (value === null) throw new TypeError(`Step ${step} is told before what it tells of is known.`);
  return value;
}

/** Whose fact it is, and what it continues. */
export interface FactOrigin {
  readonly requestId: string;
  readonly tenantId: string;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/**
 * A step's fact as a record for Kafka. Its id is made of request and step, so however often it is sent, it is one fact; its
 * causation is the request, by which the registry knows whether it still counts.
 */
export function factRecord(origin: FactOrigin, step: StepName | UndoStepName, fact: Fact, time: string): OutRecord {
  const id = uuidv5(step, origin.requestId);
  return {
    topic: FACTS_TOPIC,
    key: origin.tenantId,
    envelope: {
      id,
      type: fact.type,
      source: '/ultracore/provisioning-worker',
      subject: origin.tenantId,
      time,
      tenantId: origin.tenantId,
      correlationId: origin.correlationId ?? origin.requestId,
      causationId: origin.requestId,
      ...(origin.traceparent === undefined ? {} : { traceparent: origin.traceparent }),
    },
    body: { event_id: id, tenant_id: origin.tenantId, ...fact.fields },
  };
}
