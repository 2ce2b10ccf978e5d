import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStore } from '@ultracore/embedded-eventstore';
import { eventStoreContract } from '@ultracore/event-sourcing/testing';
import { createEventStoreDb } from '../src/index.ts';

eventStoreContract('EventStoreDB client over the embedded server', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'eventstoredb-'));
  const server = await startEventStore({ port: 0, dataDir });
  const store = createEventStoreDb({ connectionString: server.url });
  return {
    store,
    close: async () => {
      await store.stop();
      await server.stop();
      await rm(dataDir, { recursive: true });
    },
  };
});

const connectionString = process.env['EVENTSTOREDB_URL'];
if (connectionString !== undefined) {
  eventStoreContract('EventStoreDB', () => {
    const store = createEventStoreDb({ connectionString });
    return Promise.resolve({ store, close: () => store.stop() });
  });
}
