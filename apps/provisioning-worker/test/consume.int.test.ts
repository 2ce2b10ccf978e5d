import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageByType, type MessageType } from '@ultracore/contracts';
import type { InMessage } from '@ultracore/kafka';
import { createPool, migrate } from '@ultracore/postgres';
import { createLogger } from '@ultracore/service';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { expect, it } from 'vitest';
import { createMessageHandler } from '../src/inbound/consume.ts';

const MIGRATIONS = fileURLToPath(new URL('../src/store/migrations', import.meta.url));
const fixture = (type: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../packages/contracts/fixtures/${type}.json`, import.meta.url), 'utf8'));

it.each([
  ['TenantCreatedEvent', 'provision', {}],
  ['TenantProvisioningRetryRequestedEvent', 'provision', {}],
  ['TenantPasswordRotationRequestedEvent', 'rotate', {}],
  ['TenantPurgeRequestedEvent', 'purge', {}],
  ['TenantMigrationRequestedEvent', 'migrate', {}],
  [
    'TenantReadReplicaRequestedEvent',
    'verify_replica',
    { readonly_db_host: expect.any(String), readonly_db_port: expect.any(Number) },
  ],
] as const)('%s becomes one item of kind %s, however often it is delivered', async (type, kind, details) => {
  await using database = await freshDatabase(testStack());
  const pool = createPool({
    connectionString: database.url,
    applicationName: 'test',
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  try {
    await migrate(pool, { directory: MIGRATIONS, schema: 'worker' });
    let woken = 0;
    const handle = createMessageHandler({ pool, wake: () => (woken += 1) });
    const message = messageOf(type);
    for (let time = 0; time < 3; time += 1) expect(await handle(message)).toMatchObject({ kind: 'ack' });
    const { rows } = await pool.query(
      'select request_id as id, tenant_id as tenant, kind, details, revision, state from worker.work_item',
    );
    const { id, tenantId } = message.envelope;
    expect(rows).toEqual([{ id, tenant: tenantId, kind, details, revision: '4', state: 'open' }]);
    expect(woken).toBe(1);
  } finally {
    await pool.end();
  }
});

function messageOf(type: MessageType): InMessage {
  const { topic } = messageByType(type);
  const body = fixture(type);
  const envelope = {
    id: '0b1a3c52-5d0e-4a53-9c3e-0f6d1d1b7f10',
    type,
    source: '/ultracore/registry',
    subject: 'tenant-a',
    time: '2026-03-01T09:00:00.000Z',
    tenantId: 'tenant-a',
    sequence: 4,
  };
  // What the handler reads of a message.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { topic, type, key: 'tenant-a', envelope, body } as unknown as InMessage;
}
