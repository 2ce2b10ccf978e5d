import { TOPICS } from '@ultracore/contracts';
import type { InMessage } from '@ultracore/kafka';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { createMessageHandler } from './consume.ts';

it.each([
  'TenantCreatedEvent',
  'TenantProvisioningRetryRequestedEvent',
  'TenantPasswordRotationRequestedEvent',
  'TenantPurgeRequestedEvent',
  'TenantMigrationRequestedEvent',
  'TenantReadReplicaRequestedEvent',
])('a request without its place in the stream is put aside with the reason, and nothing is written: %s', async (type) => {
  // Never connected: the message is refused before.
  const handle = createMessageHandler({ pool: new Pool(), wake: () => expect.unreachable() });
  const envelope = { id: 'e', type, source: 's', subject: 'tenant-a', time: '2026-03-01T09:00:00Z', tenantId: 'tenant-a' };
  // What the handler reads of a message.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const message = { topic: TOPICS.lifecycle, type, key: 'tenant-a', envelope, body: {} } as unknown as InMessage;
  expect(await handle(message)).toMatchObject({ kind: 'dead_letter', reason: expect.stringContaining('ce_sequence') });
});
