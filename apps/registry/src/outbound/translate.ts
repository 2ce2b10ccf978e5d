import { messageByType, type Envelope } from '@ultracore/contracts';
import type { StoredEvent } from '@ultracore/event-sourcing';
import { tenantCodec, tenantOf } from '../tenant/codec.ts';
import type { TenantEvent } from '../tenant/events.ts';
import { spoken } from './spoken.ts';

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
