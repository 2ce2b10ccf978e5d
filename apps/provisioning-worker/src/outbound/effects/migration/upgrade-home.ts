import {
  APP_SCHEMA,
  homeNames,
  runMigrations,
  SHARED_DATABASE,
  TenantDatabaseError,
  type Migration,
} from '@ultracore/tenant-database';
import type { MigrationOutcome } from '../../translate/migration.ts';
import type { Effect } from '../effect.ts';

export interface UpgradeOptions {
  readonly migrations: readonly Migration[];
  readonly migrationLimits: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number };
}

/**
 * Brings a home that is in use to the version that was asked for, and no further. What small tenants share is migrated by the
 * first of them. A home that is ahead stays as it is: its version is told, and nothing is taken back.
 */
export function createUpgradeHome({ migrations, migrationLimits }: UpgradeOptions): Effect {
  return async ({ home, row, sessions }) => {
    const target = row.target_migration_version;
    if (target === null || !migrations.some(({ version }) => version === target)) {
      const newest = migrations.at(-1)?.version ?? 'none';
      throw new TenantDatabaseError('unknown_version', `There is no migration ${target}; the newest known here is ${newest}.`);
    }
    const { database, schema } = homeNames(home.tenantId, home.tier);
    const shared = database === SHARED_DATABASE && schema === APP_SCHEMA;
    const options = { schema, migrations, target, shared, ...migrationLimits };
    const { version, total } = await runMigrations(await sessions.get(database), options);
    const outcome: MigrationOutcome = { version: version ?? target, ...total };
    return { outcome };
  };
}
