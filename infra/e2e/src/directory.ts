import { randomUUID } from 'node:crypto';
import { directoryRowSchema, toHeaders, TOPICS, type DirectoryRow } from '@ultracore/contracts';
import type { Stack } from '@ultracore/local';
import { readTopic, wireFormat, withRawProducer } from './topics.ts';

const TYPE = 'TenantDirectoryRecord';

/** The latest rows of some tenants. */
export async function directoryRows(stack: Stack, tenantIds: readonly string[]): Promise<Map<string, DirectoryRow>> {
  const wanted = new Set(tenantIds);
  const rows = new Map<string, DirectoryRow>();
  for (const { key, body } of await readTopic(stack, TOPICS.directory)) {
    if (!wanted.has(key)) continue;
    const { success, data } = directoryRowSchema.safeParse(body);
    if (success && data.revision >= (rows.get(key)?.revision ?? 0)) rows.set(key, data);
  }
  return rows;
}

/** Publishes rows as the registry's relay would, without the registry having decided them. */
export async function publishRow(stack: Stack, row: DirectoryRow): Promise<void> {
  const headers = toHeaders({
    id: randomUUID(),
    type: TYPE,
    source: '/ultracore/registry',
    subject: row.tenant_id,
    time: row.updated_at,
    tenantId: row.tenant_id,
  });
  await send(stack, { key: row.tenant_id, value: await wireFormat(stack, TOPICS.directory, TYPE, row), headers });
}

/** Publishes bytes that are no row. */
export const publishGarbage = (stack: Stack, tenantId: string): Promise<void> =>
  send(stack, { key: tenantId, value: Buffer.from('not a row'), headers: {} });

const send = (stack: Stack, message: { key: string; value: Buffer; headers: Record<string, string> }): Promise<void> =>
  withRawProducer(stack, 'registry', async (producer) => {
    await producer.send({ topic: TOPICS.directory, messages: [message] });
  });
