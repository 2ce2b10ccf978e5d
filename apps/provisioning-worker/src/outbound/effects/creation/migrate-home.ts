import {
  APP_SCHEMA,
  homeNames,
  runMigrations,
  TenantDatabaseError,
  type Connection,
  type Migration,
} from '@ultracore/tenant-database';
import type { MigrationOutcome } from '../../translate/migration.ts';
import type { Effect } from '../effect.ts';
import { knownVersion, upTo, type KnownVersionOptions } from '../known-version.ts';

/**
 * Brings the home's tables to the version that the directory says, or to the newest where it says none. What small tenants share is made
 * by the first of them; for the second tenant on it is one query. The outcome counts the home's whole history, so that a repetition after a crash says the same.
 */
export function createMigrateHome(known: KnownVersionOptions): Effect {
  return async ({ home, row, sessions }) => {
    const wanted = row.target_migration_version;
    const migrations = wanted === null ? known.migrations : upTo(known.migrations, await knownVersion(known, wanted));
    const { database, schema } = homeNames(home.tenantId, home.tier);
    const session = await sessions.get(database);
    if (home.tier === 'small') return { outcome: await migrateShared(session, migrations) };
    const { version, total } = await runMigrations(session, { schema, migrations });
    return { outcome: outcomeOf(version, total) };
  };
}

/**
 * Makes what small tenants share, row security included, where there is nothing of it yet. Once there is, tenants live in it, and a new
 * tenant or a worker with newer migrations is no reason to change it: a rollout is. Safe at any time; runs at once wait for each other.
 */
export async function migrateShared(session: Connection, migrations: readonly Migration[]): Promise<MigrationOutcome> {
  const { version, total } = await runMigrations(session, { schema: APP_SCHEMA, migrations, shared: true, onlyNew: true });
  return outcomeOf(version, total);
}

function outcomeOf(version: string | undefined, total: { applied: number; tablesCreated: number }): MigrationOutcome {
  if (version === undefined) throw new TenantDatabaseError('migration_directory', 'There is no migration to make a home from.');
  return { version, ...total };
}
