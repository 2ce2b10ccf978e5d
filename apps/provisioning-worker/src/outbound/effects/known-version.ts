import { TenantDatabaseError, type Migration } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { isVersionKnown } from '../../store/known-versions.ts';
import { inBookkeeping, VersionElsewhereError } from '../judge.ts';

export interface KnownVersionOptions {
  readonly pool: Pool;
  readonly migrations: readonly Migration[];
}

/**
 * The version, when this worker has it.
 * @throws VersionElsewhereError when only another worker has; TenantDatabaseError `unknown_version` when none has.
 */
export async function knownVersion({ pool, migrations }: KnownVersionOptions, wanted: string | null): Promise<string> {
  const known = migrations.find(({ version }) => version === wanted)?.version;
  if (known !== undefined) return known;
  if (wanted !== null && (await inBookkeeping(isVersionKnown(pool, wanted)))) throw new VersionElsewhereError(wanted);
  const newest = migrations.at(-1)?.version ?? 'none';
  throw new TenantDatabaseError('unknown_version', `There is no migration ${wanted}; the newest known here is ${newest}.`);
}

export const upTo = (migrations: readonly Migration[], newest: string): Migration[] =>
  migrations.filter(({ version }) => version <= newest);
