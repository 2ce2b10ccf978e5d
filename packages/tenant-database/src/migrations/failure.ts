import { sqlStateOf } from '@ultracore/postgres';
import { MigrationError, TenantDatabaseError, type MigrationErrorCode } from '../errors.ts';
import type { Migration } from './load.ts';
import { describe, refusalWithoutValues, tellRefusal } from './refusal.ts';

/** The error of a migration, with the place in its file that Postgres pointed at. It has no value of any row, nor has its cause. */
export function migrationError(what: 'migration_failed' | 'unsafe_schema', migration: Migration, error: unknown): MigrationError {
  const place = what === 'migration_failed' ? placeOf(migration.sql, error) : {};
  const code = what === 'migration_failed' ? codeOf(error) : what;
  const at = place.line === undefined ? '' : ` at line ${place.line}, column ${place.column ?? 1}`;
  const words = what === 'unsafe_schema' ? describe(error) : tellRefusal(error);
  return new MigrationError(
    code,
    { version: migration.version, sqlState: sqlStateOf(error), ...place },
    `Migration ${migration.version}_${migration.name} failed${at}: ${words}${stateOf(error)}`,
    { cause: refusalWithoutValues(error) },
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

/** The SQLSTATE as it ends a sentence. */
function stateOf(error: unknown): string {
  const state = sqlStateOf(error);
  return state === undefined ? '' : ` (SQLSTATE ${state})`;
}

/** For what a migration does before its own statements: a home that is not to be had in time is told by the same codes. */
export function orTimeout(error: unknown): never {
  const code = codeOf(error);
  if (error instanceof TenantDatabaseError || code === 'migration_failed') throw error;
  throw new TenantDatabaseError(code, `The home could not be had in time: ${tellRefusal(error)}${stateOf(error)}.`, {
    cause: error,
  });
}

const TIMEOUTS: ReadonlyMap<string | undefined, MigrationErrorCode> = new Map([
  ['55P03', 'lock_timeout'],
  ['57014', 'statement_timeout'],
]);
const codeOf = (error: unknown): MigrationErrorCode => TIMEOUTS.get(sqlStateOf(error)) ?? 'migration_failed';
