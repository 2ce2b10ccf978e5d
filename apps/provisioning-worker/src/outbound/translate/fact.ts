import { messagesOn, TOPICS, type MessageOf } from '@ultracore/contracts';
import type { CodecMessage, OutRecord } from '@ultracore/kafka';
import type { HomeNames } from '@ultracore/tenant-database';
import { v5 as uuidv5 } from 'uuid';
import type { FactType as CreationFactType } from '../../provisioning/creation/steps.ts';
import type { Failure, Tier } from '../../provisioning/situation.ts';
import type { SealedCredential } from '../../store/work.ts';

const FACTS_TOPIC = TOPICS.facts('provisioning-worker');

/** What this app may say, where it says it. */
export const FACT_MESSAGES: readonly CodecMessage[] = messagesOn(FACTS_TOPIC).map(({ type }) => ({ topic: FACTS_TOPIC, type }));

type FactType =
  | CreationFactType
  | 'TenantPasswordRotatedEvent'
  | 'TenantCredentialsResealedEvent'
  | 'TenantPasswordRotationFailedEvent'
  | 'TenantDataPurgedEvent'
  | 'TenantPurgeFailedEvent'
  | 'TenantReadReplicaVerifiedEvent'
  | 'TenantReadReplicaRejectedEvent'
  | 'TenantSchemaDriftDetectedEvent'
  | 'TenantSchemaDriftResolvedEvent';

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
  /** Of a migration: how far it was to go. */
  readonly targetVersion: string | null;
  /** What the event that asks says of what it asks for. */
  readonly details: unknown;
  /** What the closed steps left behind, by step. */
  readonly results: Readonly<Record<string, unknown>>;
}

export function given<Value>(value: Value | null, step: string): Value {
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
export function factRecord(origin: FactOrigin, step: string, fact: Fact, time: string): OutRecord {
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
