import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EventStoreServerError, isEventStoreServerError, sqliteCodeOf, systemCodeOf } from '../errors.ts';

const SCHEMA_VERSION = 1;

const SCHEMA = `
  create table streams (
    id integer primary key,
    name text not null unique
  ) strict;
  create table events (
    position integer primary key,
    stream integer not null references streams (id),
    revision integer not null,
    id text not null,
    type text not null,
    is_json integer not null,
    created_at integer not null,
    data blob not null,
    metadata blob not null
  ) strict;
  create unique index events_by_stream on events (stream, revision);
  pragma user_version = ${SCHEMA_VERSION};
`;

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** How long a start waits for an instance that is just ending. */
const LOCK_WAIT_MS = 1_000;

/**
 * Opens the database of a data directory, both made when missing, and holds it alone: the lock is the operating system's, so it is gone with the
 * process, however that ends. A commit has reached the disk when it returns (WAL, `synchronous = full`).
 */
export function openDatabase(dataDir: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true });
    database = new DatabaseSync(join(dataDir, 'events.sqlite'), { timeout: LOCK_WAIT_MS });
    database.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma wal_autocheckpoint = 4000;
      pragma journal_size_limit = 67108864;
      pragma cache_size = -32768;
      pragma temp_store = memory;
    `);
    prepareSchema(database, dataDir);
    return database;
  } catch (error) {
    database?.close();
    throw asOpeningError(error, dataDir);
  }
}

function prepareSchema(database: DatabaseSync, dataDir: string): void {
  // `immediate` takes the exclusive lock now, so a second instance fails here and not at its first append.
  database.exec('begin immediate');
  const version = Number(database.prepare('pragma user_version').get()?.['user_version'] ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new EventStoreServerError(
      'data_dir_unusable',
      `The data directory ${dataDir} was written by a later version of this event store; use that version or another --data-dir.`,
    );
  }
  if (version === 0) database.exec(SCHEMA);
  database.exec('commit');
}

function asOpeningError(error: unknown, dataDir: string): EventStoreServerError {
  if (isEventStoreServerError(error)) return error;
  const sqliteCode = sqliteCodeOf(error);
  if (sqliteCode === SQLITE_BUSY) {
    return new EventStoreServerError(
      'data_dir_locked',
      `The data directory ${dataDir} is in use by another running event store; stop that one or choose another --data-dir.`,
      { cause: error },
    );
  }
  if (sqliteCode === SQLITE_FULL || systemCodeOf(error) === 'ENOSPC') return diskFull(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new EventStoreServerError(
    'data_dir_unusable',
    `The data directory ${dataDir} cannot be used (${reason}); make it a writable folder or choose another --data-dir.`,
    { cause: error },
  );
}

/** What a failed transaction means to the operator. */
export function asStorageError(error: unknown): EventStoreServerError {
  if (isEventStoreServerError(error)) return error;
  if (sqliteCodeOf(error) === SQLITE_FULL) return diskFull(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new EventStoreServerError(
    'storage_failed',
    `The event store could not write to its disk (${reason}); nothing was stored.`,
    {
      cause: error,
    },
  );
}

function diskFull(cause: unknown): EventStoreServerError {
  return new EventStoreServerError('disk_full', 'No space is left on the disk of the event store; free some and try again.', {
    cause,
  });
}
