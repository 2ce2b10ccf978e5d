import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { checkOut } from './check-out.ts';
import { coordinationTables } from './coordination-tables.ts';
import { PostgresError } from './errors.ts';
import { quoteIdent } from './quote.ts';

export interface MigrateOptions {
  /** Folder of files `0001_what.sql`, `0002_…`, numbered without gaps. */
  directory: string;
  /** Made if missing. Every migration runs with this schema as its whole search_path, so it need not name it. */
  schema: string;
}

export interface MigrateResult {
  /** Names of the files that this call applied, in order. */
  applied: string[];
  /** Number of the last migration that the schema has; 0 without any. */
  version: number;
}

interface MigrationFile {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

interface AppliedMigration {
  number: number;
  name: string;
  checksum: string;
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/**
 * Brings a schema to the newest migration. Each file is one transaction together with its entry in `schema_migrations`; two
 * processes that start at once do it one after the other (advisory lock). Also makes the tables behind `createCheckpoint`
 * and `createLease` in the same schema.
 *
 * Throws `migration_directory` (bad or missing numbers), `migration_changed` (a file differs from what was applied),
 * `migration_missing` (the schema is newer than this program) and `migration_failed` (file, line and Postgres's words).
 */
export async function migrate(pool: Pool, { directory, schema }: MigrateOptions): Promise<MigrateResult> {
  const files = await readMigrationFiles(directory);
  const connection = await checkOut(pool);
  const { client } = connection;
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [lockName(schema)]);
    await prepareSchema(client, schema);
    const before = await appliedMigrations(client, schema);
    checkHistory(files, before, { directory, schema });
    const pending = files.slice(before.length);
    for (const file of pending) await applyMigration(client, schema, file);
    return { applied: pending.map((file) => file.name), version: files.length };
  } finally {
    // The lock belongs to the session. If it cannot be given back the session must end with it.
    await connection.restore(() => client.query('select pg_advisory_unlock_all()'));
    connection.giveBack();
  }
}

function lockName(schema: string): string {
  return `ultracore migrate ${schema}`;
}

async function readMigrationFiles(directory: string): Promise<MigrationFile[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new PostgresError('migration_directory', `The folder of migrations ${directory} cannot be read.`, { cause: error });
  });
  const files: MigrationFile[] = [];
  for (const name of names.filter((each) => each.endsWith('.sql')).sort()) {
    const number = Number(FILE_NAME.exec(name)?.[1] ?? Number.NaN);
    const expected = files.length + 1;
    if (number !== expected) {
      throw new PostgresError(
        'migration_directory',
        `${join(directory, name)} is out of place: the next migration must be named ${String(expected).padStart(4, '0')}_<what>.sql (lower case, digits, _).`,
      );
    }
    const sql = await readFile(join(directory, name), 'utf8');
    files.push({ number, name, sql, checksum: checksumOf(sql) });
  }
  return files;
}

/** Line ends do not count, so that a checkout on Windows is the same migration. */
function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
}

async function prepareSchema(client: PoolClient, schema: string): Promise<void> {
  const exists = await client.query('select 1 from pg_namespace where nspname = $1', [schema]);
  // Asked first, because `if not exists` still wants the right to create schemas.
  if (exists.rowCount === 0) await client.query(`create schema ${quoteIdent(schema)}`);
  await client.query(`
    create table if not exists ${quoteIdent(schema)}.schema_migrations (
      number integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
  await client.query(coordinationTables(schema));
}

async function appliedMigrations(client: PoolClient, schema: string): Promise<AppliedMigration[]> {
  const result = await client.query<AppliedMigration>(
    `select number, name, checksum from ${quoteIdent(schema)}.schema_migrations order by number`,
  );
  return result.rows;
}

function checkHistory(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
  { directory, schema }: MigrateOptions,
): void {
  for (const [index, entry] of applied.entries()) {
    const file = files[index];
    if (!file) {
      throw new PostgresError(
        'migration_missing',
        `Schema ${schema} already has migration ${entry.name}, which ${directory} does not: this program is older than its database. Start the newer version.`,
      );
    }
    if (file.name !== entry.name || file.checksum !== entry.checksum) {
      throw new PostgresError(
        'migration_changed',
        `Migration ${file.name} is not what was applied to schema ${schema} as ${entry.name}. An applied migration is never edited or renamed: restore the file and put the change into a new one.`,
      );
    }
  }
}

async function applyMigration(client: PoolClient, schema: string, file: MigrationFile): Promise<void> {
  try {
    await client.query('begin');
    await client.query("select set_config('search_path', $1, true)", [quoteIdent(schema)]);
    await client.query(file.sql);
    await client.query(`insert into ${quoteIdent(schema)}.schema_migrations (number, name, checksum) values ($1, $2, $3)`, [
      file.number,
      file.name,
      file.checksum,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw new PostgresError('migration_failed', describeFailure(file, schema, error), { cause: error });
  }
}

function describeFailure(file: MigrationFile, schema: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = lineOf(file.sql, error);
  return `Migration ${file.name} of schema ${schema} failed${line ? ` at line ${line}` : ''}: ${message}. Nothing of this file was applied.`;
}

/** Postgres counts characters of the statement from 1. */
function lineOf(sql: string, error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('position' in error)) return undefined;
  const position = Number(error.position);
  return Number.isInteger(position) && position > 0 ? sql.slice(0, position - 1).split('\n').length : undefined;
}
