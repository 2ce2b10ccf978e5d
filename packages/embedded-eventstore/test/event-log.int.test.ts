import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEventLog, type EventLog, type ProposedEvent, type Settled } from '../src/log/event-log.ts';
import { append, type WriteOutcome } from '../src/operations/append.ts';
import type { ExpectedRevision } from '../src/operations/decide-append.ts';
import { openDatabase } from '../src/storage/open-database.ts';
import { createStorage } from '../src/storage/storage.ts';
import { temporaryDirectory } from './event-stores.ts';

let dataDir: string;
let database: DatabaseSync;
let log: EventLog;
beforeEach(async () => {
  dataDir = await temporaryDirectory();
  database = openDatabase(dataDir);
  log = createEventLog(createStorage(database));
});
afterEach(async () => {
  log.close();
  await rm(dataDir, { recursive: true });
});

const anEvent = (size = 10): ProposedEvent => ({
  id: randomUUID(),
  type: 'T',
  isJson: false,
  data: Buffer.alloc(size, 1),
  metadata: Buffer.alloc(0),
});
const submit = (stream: string, expected: ExpectedRevision, events: ProposedEvent[]): Promise<Settled<WriteOutcome>> =>
  new Promise((resolve) => {
    log.submit((open) => append(open, stream, expected, events), resolve);
  });

test('on a full disk a group of appends fails as a whole and plainly; with room again it goes on as if nothing had been', async () => {
  await submit('a-1', 'no_stream', [anEvent()]);
  const head = log.head();
  database.exec(`pragma max_page_count = 100`);
  const group = await Promise.all([
    submit('a-1', 0, [anEvent()]),
    submit('new-1', 'no_stream', [anEvent()]),
    submit('large-1', 'no_stream', [anEvent(900_000)]),
  ]);
  for (const settled of group) {
    expect(settled).toMatchObject({ ok: false, error: { code: 'disk_full' } });
  }
  expect([log.head(), log.stream('a-1').lastRevision, log.stream('new-1').lastRevision]).toEqual([head, 0, -1]);

  database.exec('pragma max_page_count = 1000000');
  expect(await submit('a-1', 0, [anEvent()])).toMatchObject({ ok: true, answer: { kind: 'written', revision: 1 } });
  expect(await submit('new-1', 'no_stream', [anEvent()])).toMatchObject({ ok: true, answer: { kind: 'written', revision: 0 } });
  const { records } = log.pageAfter(0, { events: 10, bytes: 1_000_000 });
  expect(records.map(({ streamName, revision }) => [streamName, revision])).toEqual([
    ['a-1', 0],
    ['a-1', 1],
    ['new-1', 0],
  ]);
});

test('appends of one turn share a commit, and each sees those before it', async () => {
  const repeated = [anEvent()];
  const outcomes = await Promise.all([
    submit('a-1', 'no_stream', [anEvent()]),
    submit('a-1', 'no_stream', [anEvent()]),
    submit('a-1', 0, [anEvent()]),
    submit('a-1', 'any', repeated),
    submit('a-1', 'any', repeated),
  ]);
  expect(outcomes.map((settled) => settled.ok && settled.answer)).toMatchObject([
    { kind: 'written', revision: 0 },
    { kind: 'wrong_expected_revision', current: 0 },
    { kind: 'written', revision: 1 },
    { kind: 'written', revision: 2 },
    { kind: 'written', revision: 2 },
  ]);
});

test('those who follow are woken once a commit, by their stream only', async () => {
  let [any, own, other] = [0, 0, 0];
  const ends = [
    log.onGrowth(undefined, () => (any += 1)),
    log.onGrowth('a-1', () => (own += 1)),
    log.onGrowth('b-1', () => (other += 1)),
  ];
  await Promise.all([submit('a-1', 'any', [anEvent()]), submit('a-1', 'any', [anEvent(), anEvent()])]);
  expect([any, own, other]).toEqual([1, 1, 0]);
  await submit('a-1', 'no_stream', [anEvent()]);
  expect([any, own, other]).toEqual([1, 1, 0]);
  for (const end of ends) end();
  await submit('a-1', 'any', [anEvent()]);
  expect([any, own, other]).toEqual([1, 1, 0]);
});
