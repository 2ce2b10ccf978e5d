import { randomUUID } from 'node:crypto';
import { toHeaders, TOPICS, type MessageOf } from '@ultracore/contracts';
import type { Stack } from '@ultracore/local';
import { waitFor } from '@ultracore/testkit';
import { readTopic, wireFormat, withRawProducer } from './topics.ts';

const TYPE = 'TenantCommandRequestedEvent';

/** Asks for a command on Kafka as another product does, with the rights that one has; answers with the id of the request. */
export async function askByKafka(
  stack: Stack,
  tenantId: string,
  command: MessageOf<typeof TYPE>['command'],
  requestId: string = randomUUID(),
): Promise<string> {
  const [id, time] = [randomUUID(), new Date().toISOString()];
  const body = { event_id: id, tenant_id: tenantId, request_id: requestId, command, requested_by: 'crm', requested_at: time };
  const headers = toHeaders({ id, type: TYPE, source: '/crm', subject: tenantId, time, tenantId });
  const value = await wireFormat(stack, TOPICS.requests, TYPE, body);
  await withRawProducer(stack, 'producer', async (producer) => {
    await producer.send({ topic: TOPICS.requests, messages: [{ key: tenantId, value, headers }] });
  });
  return requestId;
}

/** Waits for the refusal of a request, and answers with its code. */
export async function rejectionOf(stack: Stack, requestId: string): Promise<string> {
  const records = await waitFor(
    async () => {
      const rejections = await rejectionsOf(stack, requestId);
      return rejections.length > 0 ? rejections : undefined;
    },
    { what: `the refusal of request ${requestId}`, deadlineMs: 60_000 },
  );
  return String(records[0]?.['code']);
}

/** By what a request was refused, each time that was said. */
export async function rejectionsOf(stack: Stack, requestId: string): Promise<Record<string, unknown>[]> {
  const records = await readTopic(stack, TOPICS.requests);
  return records.flatMap(({ headers, body }) =>
    headers['ce_type'] === 'TenantCommandRejectedEvent' && body?.['request_id'] === requestId ? [body] : [],
  );
}
