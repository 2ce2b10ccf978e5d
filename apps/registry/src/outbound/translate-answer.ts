import { TOPICS } from '@ultracore/contracts';
import type { StoredEvent } from '@ultracore/event-sourcing';
import { answerCodec } from '../request/answer.ts';
import type { PublicMessage } from './translate.ts';

/** What a refusal says to whoever asked by Kafka. Pure. It is none of the tenant's events, so it has no place in their order. */
export function translateAnswer(stored: StoredEvent): PublicMessage {
  const { requestId, tenantId, code, detail, rejectedAt } = answerCodec.decode(stored).data;
  return {
    topic: TOPICS.requests,
    key: tenantId,
    envelope: {
      id: stored.id,
      type: 'TenantCommandRejectedEvent',
      source: '/ultracore/registry',
      subject: stored.streamName,
      time: rejectedAt,
      tenantId,
      causationId: requestId,
    },
    body: { event_id: stored.id, tenant_id: tenantId, request_id: requestId, code, detail, rejected_at: rejectedAt },
  };
}
