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
  readonly streamName: (stream: number) => string;
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

const NAMES_KEPT = 100_000;

/** Over a database of `openDatabase`, which it closes. */
export function createStorage(database: DatabaseSync): Storage {
  const statements = prepareStatements(database);
  const names = new Map<number, string>();

  const streamName = (stream: number): string => {
    const known = names.get(stream);
    if (known !== undefined) return known;
    const name = statements.nameOfStream(stream);
    if (names.size >= NAMES_KEPT) names.clear();
    names.set(stream, name);
    return name;
  };

  const toRecord = (row: EventRow): EventRecord => {
    const [position, stream, revision, id, type, isJson, createdAt, data, metadata] = row;
    return { position, streamName: streamName(stream), revision, id, type, isJson: isJson === 1, createdAt, data, metadata };
  };

  const page = (rows: Iterable<EventRow>, limit: PageLimit): EventRecord[] => {
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

  const first = (rows: Iterable<EventRow>): EventRecord | undefined => page(rows, { events: 1, bytes: 0 })[0];

  return {
    transaction(work) {
      statements.begin();
      try {
        work();
        statements.commit();
      } catch (error) {
        // A full disk may have ended the transaction already.
        if (database.isTransaction) statements.rollback();
        names.clear();
        throw error;
      }
    },
    streamId: (name) => statements.idOfStream(name),
    addStream: (name) => statements.addStream(name),
    streamName,
    lastRevision: (stream) => statements.lastRevision(stream),
    add(stream, record) {
      const { position, revision, id, type, isJson, createdAt, data, metadata } = record;
      statements.addEvent(position, stream, revision, id, type, isJson ? 1 : 0, createdAt, data, metadata);
    },
    eventAt: (stream, revision) => first(statements.streamForwards(stream, revision, revision, 1)),
    eventIdAt: (stream, revision) => statements.idAt(stream, revision),
    streamPage: (stream, from, backwards, limit) =>
      backwards
        ? page(statements.streamBackwards(stream, from, limit.events), limit)
        : page(statements.streamForwards(stream, from, Number.MAX_SAFE_INTEGER, limit.events), limit),
    logPage: (from, backwards, limit) =>
      page(backwards ? statements.logBackwards(from, limit.events) : statements.logForwards(from, limit.events), limit),
    last: () => first(statements.logBackwards(Number.MAX_SAFE_INTEGER, 1)),
    newest: (count) => statements.newest(count).reverse(),
    close: () => database.close(),
  };
}
