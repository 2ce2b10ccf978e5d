import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { KnownEvent } from './storage.ts';

/** A row of `events`, in the order of `COLUMNS`. */
export type EventRow = [
  position: number,
  streamName: string,
  revision: number,
  id: string,
  type: string,
  isJson: number,
  createdAt: number,
  data: Uint8Array,
  metadata: Uint8Array,
];

const COLUMNS = 'position, stream, revision, id, type, is_json, created_at, data, metadata';
/** What is read as an `EventRow`. The name comes along: a log of many streams would miss any cache of names. */
const EVENTS = `select position, streams.name, revision, events.id, type, is_json, created_at, data, metadata
  from events join streams on streams.id = stream`;

/* oxlint-disable typescript/no-unsafe-type-assertion, typescript/no-unnecessary-type-parameters -- `strict` tables hold exactly these types */

/** Every statement of the event store, prepared once. */
export function prepareStatements(database: DatabaseSync) {
  /** Rows as arrays: half the work of objects, and these are read by the thousand. */
  function rows<Row>(sql: string): (...parameters: SQLInputValue[]) => Iterable<Row> {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return (...parameters) => statement.iterate(...parameters) as unknown as Iterable<Row>;
  }
  /** All at once: a third cheaper than one by one. */
  function page<Row>(sql: string): (...parameters: SQLInputValue[]) => Row[] {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return (...parameters) => statement.all(...parameters) as unknown as Row[];
  }
  function row<Row>(sql: string): (...parameters: SQLInputValue[]) => Row | undefined {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return (...parameters) => statement.get(...parameters) as unknown as Row | undefined;
  }
  function command(sql: string) {
    const statement = database.prepare(sql);
    return (...parameters: SQLInputValue[]) => statement.run(...parameters);
  }

  const idOfStream = row<[number]>('select id from streams where name = ?');
  const addStream = command('insert into streams (name) values (?)');
  const lastRevision = row<[number | null]>('select max(revision) from events where stream = ?');
  const idAt = row<[string, number]>('select id, position from events where stream = ? and revision = ?');
  const newest = page<[string, number, number, number]>(
    'select id, stream, revision, position from events order by position desc limit ?',
  );

  return {
    begin: command('begin immediate'),
    commit: command('commit'),
    rollback: command('rollback'),
    idOfStream: (name: string) => idOfStream(name)?.[0],
    addStream: (name: string) => Number(addStream(name).lastInsertRowid),
    lastRevision: (stream: number) => lastRevision(stream)?.[0] ?? -1,
    idAt: (stream: number, revision: number) => {
      const found = idAt(stream, revision);
      return found && { id: found[0], position: found[1] };
    },
    addEvent: command(`insert into events (${COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    streamForwards: rows<EventRow>(`${EVENTS} where stream = ? and revision >= ? and revision <= ? order by revision limit ?`),
    streamBackwards: rows<EventRow>(`${EVENTS} where stream = ? and revision <= ? order by revision desc limit ?`),
    logForwards: page<EventRow>(`${EVENTS} where position > ? and position <= ? order by position limit ?`),
    logBackwards: page<EventRow>(`${EVENTS} where position < ? and position >= ? order by position desc limit ?`),
    newest: (count: number): KnownEvent[] =>
      newest(count).map(([id, stream, revision, position]) => ({ id, stream, revision, position })),
  };
}
