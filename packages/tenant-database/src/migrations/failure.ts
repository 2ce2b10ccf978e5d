import { sqlStateOf } from '@ultracore/postgres';
import { MigrationError } from '../errors.ts';
import type { Migration } from './load.ts';

/** The error of a migration, with the place in its file that Postgres pointed at. */
export function migrationError(code: 'migration_failed' | 'unsafe_schema', migration: Migration, error: unknown): MigrationError {
  const place = code === 'migration_failed' ? placeOf(migration.sql, error) : {};
  const at = place.line === undefined ? '' : ` at line ${place.line}, column ${place.column ?? 1}`;
  return new MigrationError(
    code,
    { version: migration.version, sqlState: sqlStateOf(error), ...place },
    `Migration ${migration.version}_${migration.name} failed${at}: ${describe(error)}`,
    { cause: error },
  );
}

function placeOf(sql: string, error: unknown): { position?: number; line?: number; column?: number } {
  const position = Number(error instanceof Error && 'position' in error ? error.position : Number.NaN);
  if (!Number.isSafeInteger(position)) return {};
  // Postgres counts characters, not UTF-16 units.
  const before = Array.from(sql)
    .slice(0, position - 1)
    .join('')
    .split('\n');
  return { position, line: before.length, column: Array.from(before.at(-1) ?? '').length + 1 };
}

/** An error of Postgres in one line, with its detail. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const detail = 'detail' in error && typeof error.detail === 'string' ? `: ${error.detail}` : '';
  return `${error.message}${detail}`;
}
