import { APP_SCHEMA, homeNames, runMigrations, SHARED_DATABASE } from '@ultracore/tenant-database';
import type { MigrationOutcome } from '../../translate/migration.ts';
import type { Effect } from '../effect.ts';
import { knownVersion, type KnownVersionOptions } from '../known-version.ts';

export interface UpgradeOptions extends KnownVersionOptions {
  readonly migrationLimits: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number };
}

/**
 * Brings a home that is in use to the version that was asked for, and no further. What small tenants share is migrated by the
 * first of them. A home that is ahead stays as it is: its version is told, and nothing is taken back.
 */
export function createUpgradeHome(known: UpgradeOptions): Effect {
  const { migrations, migrationLimits } = known;
  return async ({ home, row, sessions }) => {
    const target = await knownVersion(known, row.target_migration_version);
    const { database, schema } = homeNames(home.tenantId, home.tier);
    const shared = database === SHARED_DATABASE && schema === APP_SCHEMA;
    const options = { schema, migrations, target, shared, ...migrationLimits };
    const { version, total } = await runMigrations(await sessions.get(database), options);
    const outcome: MigrationOutcome = { version: version ?? target, ...total };
    return { outcome };
  };
}
