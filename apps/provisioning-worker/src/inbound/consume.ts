import { messagesOn, TOPICS } from '@ultracore/contracts';
import { ack, deadLetter, retryAfter, type CodecMessage, type Fate, type InMessage } from '@ultracore/kafka';
import type { Pool } from 'pg';
import { recordRow } from '../store/directory.ts';
import type { WorkKind } from '../provisioning/situation.ts';
import { recordRequest } from '../store/items.ts';

export const CONSUMED_TOPICS: readonly string[] = [TOPICS.lifecycle, TOPICS.config, TOPICS.security, TOPICS.directory];

/** Every message of the consumed topics: one that cannot be read is put aside, whatever its type. */
export const CONSUMED_MESSAGES: readonly CodecMessage[] = CONSUMED_TOPICS.flatMap((topic) =>
  messagesOn(topic).map(({ type }) => ({ topic, type })),
);

const RETRY_MS = 500;
/** What asks for work that has an end. */
const REQUESTS: ReadonlyMap<string, WorkKind> = new Map([
  ['TenantCreatedEvent', 'provision'],
  ['TenantProvisioningRetryRequestedEvent', 'provision'],
  ['TenantPasswordRotationRequestedEvent', 'rotate'],
  ['TenantPurgeRequestedEvent', 'purge'],
  ['TenantMigrationRequestedEvent', 'migrate'],
  ['TenantReadReplicaRequestedEvent', 'verify_replica'],
]);
const NO_SEQUENCE = 'a request without ce_sequence, its place in the tenant’s stream: the relay did not publish it';

export interface MessageHandlerOptions {
  readonly pool: Pool;
  /** There may be something to do now. */
  readonly wake: () => void;
}

/**
 * A message only writes: its directory row if that is newer, or its event as a work item; then it is acknowledged. Nothing is
 * done to a tenant here, so no tenant and no dead server holds up a partition.
 */
export function createMessageHandler({ pool, wake }: MessageHandlerOptions): (message: InMessage) => Promise<Fate> {
  return async (message) => {
    if (REQUESTS.has(message.type) && message.envelope.sequence === undefined) return deadLetter(NO_SEQUENCE);
    try {
      if (await record(pool, message)) wake();
      return ack();
    } catch (error) {
      return retryAfter(RETRY_MS, `the bookkeeping cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** True when there may be something to do. What has no end (suspension, limits) comes as a directory row, without an item. */
async function record(pool: Pool, message: InMessage): Promise<boolean> {
  const { type, body, envelope } = message;
  if (type === 'TenantDirectoryRecord') return recordRow(pool, body);
  const kind = REQUESTS.get(type);
  const { id, tenantId, sequence, correlationId, traceparent } = envelope;
  if (kind === undefined || sequence === undefined) return false;
  const details = detailsOf(message);
  return recordRequest(pool, { requestId: id, tenantId, kind, revision: sequence, details, correlationId, traceparent });
}

/** What only the event says; everything else is in the directory row. */
const detailsOf = ({ type, body }: InMessage): object =>
  type === 'TenantReadReplicaRequestedEvent'
    ? { readonly_db_host: body.readonly_db_host, readonly_db_port: body.readonly_db_port }
    : {};
