import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import {
  EventStoreDBClient,
  jsonEvent,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  UnavailableError,
} from '@eventstore/db-client';
import { waitFor } from '@ultracore/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EventStoreServer, startEventStore } from '../src/index.ts';
import { all, anEvent, failureOf, ids, some } from './events.ts';
import { temporaryDirectory } from './event-stores.ts';
import { spawnServer, startServerProcess } from './server-process.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await temporaryDirectory();
});
afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

describe('the command', () => {
  test('says where it listens, serves, and ends cleanly on SIGTERM and SIGINT, with its data kept', async () => {
    const events = some(3);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      await using server = await startServerProcess(dataDir);
      const client = EventStoreDBClient.connectionString(server.url);
      if (signal === 'SIGTERM') await client.appendToStream('kept-1', events);
      expect(ids(await all(client.readStream('kept-1')))).toEqual(ids(events));
      // A reader that stays for ever does not keep the server from ending.
      const subscription = client.subscribeToAll();
      const interrupted = new Promise<unknown>((resolve) => {
        subscription.on('error', resolve);
      });
      await new Promise((resolve) => {
        subscription.once('caughtUp', resolve);
        subscription.resume();
      });
      server.kill(signal);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(await interrupted).toBeInstanceOf(UnavailableError);
      expect(server.output()).toContain('Event store stopped.');
    }
  });

  test('says in one sentence that the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await using server = await spawnServer('--port', String(port), '--data-dir', dataDir);
    expect(await server.exited).toMatchObject({ code: 1 });
    expect(server.output()).toBe(
      `Port ${port} of 127.0.0.1 is taken by another program; stop that one or choose another --port.\n`,
    );
    await new Promise((resolve) => {
      other.close(resolve);
    });
  });

  test('says in one sentence that the data is in use, and leaves the other server alone', async () => {
    await using first = await startServerProcess(dataDir);
    await using second = await spawnServer('--port', '0', '--data-dir', dataDir);
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.output()).toBe(
      `The data directory ${dataDir} is in use by another running event store; stop that one or choose another --data-dir.\n`,
    );
    const client = EventStoreDBClient.connectionString(first.url);
    await client.appendToStream('a-1', anEvent());
  });

  test('takes over the data of a server that was killed', async () => {
    await using first = await startServerProcess(dataDir);
    first.kill('SIGKILL');
    await first.exited;
    await using second = await startServerProcess(dataDir);
    expect(second.isAlive()).toBe(true);
  });

  test.each([
    [['--port', '2113'], 'The data directory is missing. Usage: '],
    [['--port', 'x', '--data-dir', '.'], 'The port must be a number from 0 to 65535, not NaN.'],
    [['--colour', 'red'], "Unknown option '--colour'"],
    [['--port', '0', '--host', '203.0.113.9'], 'The event store cannot listen on 203.0.113.9, port 0 ('],
  ])('refuses %j in one sentence', async (args, sentence) => {
    await using server = await spawnServer(...args, ...(args.includes('--host') ? ['--data-dir', dataDir] : []));
    expect(await server.exited).toMatchObject({ code: 1 });
    expect(server.output()).toContain(sentence);
    expect(server.output().trimEnd().split('\n')).toHaveLength(1);
  });

  test('says in one sentence that the data directory cannot be used', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, 'not a folder');
    await using server = await spawnServer('--port', '0', '--data-dir', join(file, 'data'));
    expect(await server.exited).toMatchObject({ code: 1 });
    expect(server.output()).toContain(`The data directory ${join(file, 'data')} cannot be used (`);
    expect(server.output().trimEnd().split('\n')).toHaveLength(1);
  });

  test('does not touch a file that is none of its own', async () => {
    await writeFile(
      join(dataDir, 'events.sqlite'),
      'something else entirely, longer than a header of SQLite would be '.repeat(20),
    );
    await using server = await spawnServer('--port', '0', '--data-dir', dataDir);
    expect(await server.exited).toMatchObject({ code: 1 });
    expect(server.output()).toContain('cannot be used (file is not a database)');
  });
});

describe('a server in this process', () => {
  let server: EventStoreServer;
  let client: EventStoreDBClient;
  beforeEach(async () => {
    server = await startEventStore({ port: 0, dataDir });
    client = EventStoreDBClient.connectionString(server.url);
  });
  afterEach(() => server.stop());

  test('holds its data directory alone', async () => {
    expect(await failureOf(startEventStore({ port: 0, dataDir }))).toMatchObject({ code: 'data_dir_locked' });
  });

  test('lets go of the data directory when the port is taken', async () => {
    const another = await temporaryDirectory();
    expect(await failureOf(startEventStore({ port: server.port, dataDir: another }))).toMatchObject({ code: 'port_taken' });
    await (await startEventStore({ port: 0, dataDir: another })).stop();
    await rm(another, { recursive: true });
  });

  test('says what it leaves out', async () => {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    const settingsOfAll = persistentSubscriptionToAllSettingsFromDefaults();
    for (const [call, what] of [
      [() => client.createPersistentSubscriptionToStream('a-1', 'group', settings), 'persistent subscriptions'],
      [() => client.createPersistentSubscriptionToAll('group', settingsOfAll), 'persistent subscriptions'],
      [() => client.listPersistentSubscriptionsToStream('a-1'), 'persistent subscriptions'],
      [() => client.listProjections(), 'projections'],
    ] as const) {
      expect(String(await failureOf(call()))).toContain(`The embedded event store has no ${what}; run EventStoreDB for that.`);
    }
  });

  test('a repeated append with any revision expected is recognised after a restart', async () => {
    const events = some(2);
    const first = await client.appendToStream('a-1', events);
    await server.stop();
    server = await startEventStore({ port: 0, dataDir });
    client = EventStoreDBClient.connectionString(server.url);
    expect(await client.appendToStream('a-1', events)).toEqual(first);
    expect(await all(client.readStream('a-1'))).toHaveLength(2);
  });

  test('positions go on growing after a restart, also past a deletion', async () => {
    await client.appendToStream('a-1', anEvent());
    const { position } = await client.tombstoneStream('a-1');
    await server.stop();
    server = await startEventStore({ port: 0, dataDir });
    client = EventStoreDBClient.connectionString(server.url);
    const next = await client.appendToStream('b-1', anEvent());
    expect(next.position?.commit).toBeGreaterThan(position?.commit ?? 0n);
    expect(await failureOf(client.appendToStream('a-1', anEvent()))).toMatchObject({ type: 'stream-deleted' });
  });

  test('clients that hold a connection do not keep it from stopping, and find it again at the same port', async () => {
    await client.appendToStream('a-1', anEvent());
    await server.stop();
    server = await startEventStore({ port: server.port, dataDir });
    const answer = await waitFor(() => client.appendToStream('a-1', anEvent()), { what: 'the client to reconnect' });
    expect(answer.nextExpectedRevision).toBe(1n);
  });
});

test('readers that take nothing cost little memory', async () => {
  await using server = await startServerProcess(dataDir);
  const client = EventStoreDBClient.connectionString(server.url);
  const subscriptions = Array.from({ length: 16 }, () => client.subscribeToAll());
  await Promise.all(
    subscriptions.map(
      (subscription) =>
        new Promise((resolve) => {
          subscription.once('caughtUp', resolve);
          subscription.once('readable', () => undefined);
        }),
    ),
  );
  const before = await residentMegabytes(server.pid);
  // 24 MB, which would be 384 if the server kept them for each reader.
  for (let n = 0; n < 120; n += 1) {
    await client.appendToStream('large-1', jsonEvent({ type: 'Large', data: { n, text: 'x'.repeat(200_000) } }));
  }
  expect((await residentMegabytes(server.pid)) - before).toBeLessThan(200);

  const [first] = subscriptions;
  let taken = 0;
  first?.on('data', () => {
    taken += 1;
  });
  await waitFor(() => taken === 120, { what: 'a reader to take everything after all', deadlineMs: 30_000 });
  await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
});

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
