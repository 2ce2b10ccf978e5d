import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, jsonEvent, WrongExpectedVersionError } from '@eventstore/db-client';
import { waitFor } from '@ultracore/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { all, ids } from './events.ts';
import { temporaryDirectory } from './event-stores.ts';
import { startServerProcess } from './server-process.ts';

const ROUNDS = 4;
const WRITERS = 16;

let dataDir: string;
beforeEach(async () => {
  dataDir = await temporaryDirectory();
});
afterEach(async () => {
  await rm(dataDir, { recursive: true });
});

interface Writer {
  readonly stream: string;
  /** What was acknowledged, in order. */
  readonly acknowledged: { id: string; revision: bigint; position: bigint }[];
  /** The append that was under way at the kill. */
  pending: string[];
}

test('kill -9 in the middle of appends: what was acknowledged is there exactly once, and nothing is torn', async () => {
  const writers = Array.from({ length: WRITERS }, (_, n): Writer => ({ stream: `crash-${n}`, acknowledged: [], pending: [] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    await using server = await startServerProcess(dataDir);
    const client = EventStoreDBClient.connectionString(server.url);
    const before = countAcknowledged(writers);
    const writing = Promise.all(writers.map((writer) => writeUntilKilled(client, writer)));
    await waitFor(() => countAcknowledged(writers) > before + 3 * WRITERS, { what: 'some appends' });
    await sleep(Math.random() * 200);
    server.kill('SIGKILL');
    await writing;
    await server.exited;
  }

  await using server = await startServerProcess(dataDir);
  const client = EventStoreDBClient.connectionString(server.url);
  let stored = 0;
  for (const writer of writers) {
    const events = writer.acknowledged.length === 0 ? [] : await all(client.readStream(writer.stream));
    stored += events.length;
    expect(events.map((event) => event.revision)).toEqual(events.map((_, n) => BigInt(n)));
    expect(new Set(ids(events)).size).toBe(events.length);
    const places = new Map(events.map(({ id, revision, position }) => [id, { revision, position: position?.commit }]));
    for (const { id, revision, position } of writer.acknowledged) expect(places.get(id)).toEqual({ revision, position });
    // The append under way at the last kill is there whole or not at all.
    expect([0, writer.pending.length]).toContain(writer.pending.filter((id) => places.has(id)).length);
  }
  expect(stored).toBeGreaterThan(WRITERS * ROUNDS);

  const log = await all(client.readAll());
  const positions = log.map((event) => event.position.commit);
  expect(positions.every((position, n) => n === 0 || position > (positions[n - 1] ?? 0n))).toBe(true);
  expect(new Set(ids(log)).size).toBe(stored);
});

const countAcknowledged = (writers: readonly Writer[]) => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

/** Appends three events at a time at the revision it knows; finds out after a kill whether the last append was stored, as a good client does. */
async function writeUntilKilled(client: EventStoreDBClient, writer: Writer): Promise<void> {
  for (;;) {
    if (writer.pending.length === 0) writer.pending = Array.from({ length: 3 }, () => randomUUID());
    const events = writer.pending.map((id) => jsonEvent({ id, type: 'Written', data: { text: 'x'.repeat(200) } }));
    const expectedRevision = writer.acknowledged.at(-1)?.revision ?? 'no_stream';
    try {
      const answer = await client.appendToStream(writer.stream, events, { expectedRevision });
      const stored = await all(client.readStream(writer.stream, { fromRevision: answer.nextExpectedRevision - 2n, maxCount: 3 }));
      writer.acknowledged.push(
        ...stored.map(({ id, revision, position }) => ({ id, revision, position: position?.commit ?? -1n })),
      );
      writer.pending = [];
    } catch (error) {
      // A repeated append is recognised: it never conflicts with itself.
      if (error instanceof WrongExpectedVersionError) throw error;
      return;
    }
  }
}
