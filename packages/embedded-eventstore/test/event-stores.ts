import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll } from 'vitest';
import { startEventStore } from '../src/index.ts';

interface OpenedStore {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export interface EventStoreUnderTest {
  readonly name: string;
  readonly open: () => Promise<OpenedStore>;
}

async function openEmbedded(): Promise<OpenedStore> {
  const dataDir = await temporaryDirectory();
  const server = await startEventStore({ port: 0, dataDir });
  return {
    url: server.url,
    close: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** What the contract suite runs against: the embedded server and, when there is one (`EVENTSTOREDB_URL`), a real one. */
export function eventStores(realUrl: string | undefined): readonly EventStoreUnderTest[] {
  const embedded = { name: 'embedded', open: openEmbedded };
  if (realUrl === undefined) return [embedded];
  return [embedded, { name: 'EVENTSTOREDB_URL', open: () => Promise.resolve({ url: realUrl, close: () => Promise.resolve() }) }];
}

/** Opens the store before the tests of a `describe` and closes it after them; its client is the real one. */
export function useClient({ open }: EventStoreUnderTest): { readonly client: EventStoreDBClient; readonly url: string } {
  let opened: OpenedStore | undefined;
  let client: EventStoreDBClient | undefined;
  beforeAll(async () => {
    opened = await open();
    client = EventStoreDBClient.connectionString(opened.url);
  });
  afterAll(async () => {
    // The client waits for ever for a read that was given up half-way.
    await Promise.race([client?.dispose(), sleep(1_000, undefined, { ref: false })]);
    await opened?.close();
  });
  return {
    get client() {
      if (!client) throw new Error('the store is not open yet');
      return client;
    },
    get url() {
      return opened?.url ?? '';
    },
  };
}

export const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'embedded-eventstore-'));
