import type { DatabaseSync } from 'node:sqlite';
import { type EventRecord, lengthInLog } from './record.ts';
import { prepareStatements, type EventRow } from './statements.ts';

/** How much one page of a read holds at most; always at least one event. */
export interface PageLimit {
  readonly events: number;
  readonly bytes: number;
}

/** What is known about an event id without reading the event. */
export interface KnownEvent {
  readonly id: string;
  readonly stream: number;
  readonly revision: number;
  readonly position: number;
}

/** The events on disk. Every call is synchronous; what was written since `begin` is visible here and to nobody else. */
export interface Storage {
  /** All of `work` or, when it throws, nothing. On disk when it returns. */
  readonly transaction: (work: () => void) => void;
  readonly streamId: (name: string) => number | undefined;
  readonly addStream: (name: string) => number;
  /** -1 for a stream without events. */
  readonly lastRevision: (stream: number) => number;
  readonly add: (stream: number, record: EventRecord) => void;
  readonly eventAt: (stream: number, revision: number) => EventRecord | undefined;
  readonly eventIdAt: (stream: number, revision: number) => { id: string; position: number } | undefined;
  /** From a revision on, that one included; towards 0 when `backwards`. */
  readonly streamPage: (stream: number, from: number, backwards: boolean, limit: PageLimit) => EventRecord[];
  /** After a position forwards, before it backwards; that one excluded. */
  readonly logPage: (from: number, backwards: boolean, limit: PageLimit) => EventRecord[];
  readonly last: () => EventRecord | undefined;
  /** The newest events, oldest first. */
  readonly newest: (count: number) => KnownEvent[];
  readonly close: () => void;
}

/** Over a database of `openDatabase`, which it closes. */
export function createStorage(database: DatabaseSync): Storage {
  const statements = prepareStatements(database);

  const toRecord = (row: EventRow): EventRecord => ({
    position: row[0],
    streamName: row[1],
    revision: row[2],
    id: row[3],
    type: row[4],
    isJson: row[5] === 1,
    createdAt: row[6],
    data: row[7],
    metadata: row[8],
  });

  const upTo = (rows: Iterable<EventRow>, limit: PageLimit): EventRecord[] => {
    const records: EventRecord[] = [];
    let bytes = 0;
    for (const row of rows) {
      const record = toRecord(row);
      records.push(record);
      bytes += lengthInLog(record);
      if (bytes >= limit.bytes) break;
    }
    return records;
  };

  /** A position moves on by the length of its event, so that a range of positions bounds the bytes. One longer event is a page of its own. */
  const logPage: Storage['logPage'] = (from, backwards, { events, bytes }) => {
    const read = backwards ? statements.logBackwards : statements.logForwards;
    const rows = read(from, backwards ? from - bytes : from + bytes, events);
    const end = backwards ? 0 : Number.MAX_SAFE_INTEGER;
    return (rows.length > 0 ? rows : read(from, end, 1)).map(toRecord);
  };

  return {
    transaction(work) {
      statements.begin();
      try {
        work();
        statements.commit();
      } catch (error) {
        // A full disk may have ended the transaction already.
        if (database.isTransaction) statements.rollback();
        throw error;
      }
    },
    streamId: (name) => statements.idOfStream(name),
    addStream: (name) => statements.addStream(name),
    lastRevision: (stream) => statements.lastRevision(stream),
    add(stream, record) {
      const { position, revision, id, type, isJson, createdAt, data, metadata } = record;
      statements.addEvent(position, stream, revision, id, type, isJson ? 1 : 0, createdAt, data, metadata);
    },
    eventAt: (stream, revision) => upTo(statements.streamForwards(stream, revision, revision, 1), { events: 1, bytes: 0 })[0],
    eventIdAt: (stream, revision) => statements.idAt(stream, revision),
    streamPage: (stream, from, backwards, limit) =>
      backwards
        ? upTo(statements.streamBackwards(stream, from, limit.events), limit)
        : upTo(statements.streamForwards(stream, from, Number.MAX_SAFE_INTEGER, limit.events), limit),
    logPage,
    last: () => logPage(Number.MAX_SAFE_INTEGER, true, { events: 1, bytes: 0 })[0],
    newest: (count) => statements.newest(count).toReversed(),
    close: () => database.close(),
  };
}
