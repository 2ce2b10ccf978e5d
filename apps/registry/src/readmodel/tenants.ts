import type { Queryable } from '@ultracore/postgres';
import type { Pool } from 'pg';
import { CHECKPOINTS } from '../store/schema.ts';
import { toRow, type TenantRow } from '../tenant/row.ts';
import { isHoused, type ExistingTenant } from '../tenant/state.ts';
import { waitOf } from '../tenant/waiting.ts';

/** The columns of `tenant_configs` that the events fill, in its order. `master_password_hash` stays null. */
export const TENANT_COLUMNS = [
  'tenant_id',
  'tenant_name',
  'tier',
  'status',
  'owner_email',
  'db_host',
  'db_port',
  'db_name',
  'db_username',
  'db_password_encrypted',
  'schema_name',
  'readonly_db_host',
  'readonly_db_port',
  'readonly_db_username',
  'readonly_db_password_encrypted',
  'min_connections',
  'max_connections',
  'connection_timeout_seconds',
  'idle_timeout_seconds',
  'max_cpu_percent',
  'max_memory_mb',
  'max_storage_gb',
  'max_concurrent_queries',
  'timezone',
  'locale',
  'auto_update',
  'auto_scale',
  'encryption_algorithm',
  'created_at',
  'updated_at',
  'created_by',
] as const satisfies readonly (keyof TenantRow)[];

/** A row of the read model: the tenant's columns, and what the projection remembers beside them. */
export interface ReadModelRow extends TenantRow {
  readonly revision: number;
  readonly life: number;
  /** As in `waitOf`; ISO 8601 in UTC. */
  readonly purge_from: string | null;
  readonly password_since: string | null;
  readonly rotate_not_before: string | null;
  /** Null while there is no home. */
  readonly migration_version: string | null;
  /** Whether a migration is open. */
  readonly migrating: boolean;
  /** Since when the home is known not to be what its version should look like. */
  readonly drift_since: string | null;
}

/** Of `ReadModelRow`, what is kept beside `tenant_configs`. */
export const REVISION_COLUMNS = [
  'tenant_id',
  'revision',
  'life',
  'purge_from',
  'password_since',
  'rotate_not_before',
  'migration_version',
  'migrating',
  'drift_since',
] as const;

export const toReadModelRow = (state: ExistingTenant): ReadModelRow => ({ ...toRow(state), ...toRevisionRow(state) });

export function toRevisionRow(state: ExistingTenant): Pick<ReadModelRow, (typeof REVISION_COLUMNS)[number]> {
  const { tenantId, revision, life } = state;
  const { purgeFrom, passwordSince, rotateNotBefore } = waitOf(state);
  return {
    tenant_id: tenantId,
    revision,
    life,
    purge_from: purgeFrom,
    password_since: passwordSince,
    rotate_not_before: rotateNotBefore,
    migration_version: 'migrationVersion' in state ? state.migrationVersion : null,
    migrating: state.requests.migrate?.outcome === 'open',
    drift_since: isHoused(state) ? (state.schemaDrift?.found?.detectedAt ?? null) : null,
  };
}

/** All but the first, which is the key. */
const updated = (columns: readonly string[]): string =>
  columns
    .slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ');

const UPSERT = `
  with reached as (
    insert into checkpoints (name, position) select $2, $3::bigint where $3::bigint is not null
    on conflict (name) do update set position = excluded.position, updated_at = now()
  ), newer as (
    insert into tenant_revisions as known (${REVISION_COLUMNS.join(', ')})
    select ${REVISION_COLUMNS.join(', ')} from json_populate_recordset(null::tenant_revisions, $1)
    on conflict (tenant_id) do update set ${updated(REVISION_COLUMNS)}
    where known.revision < excluded.revision
    returning tenant_id
  )
  insert into tenant_configs (${TENANT_COLUMNS.join(', ')})
  select ${TENANT_COLUMNS.join(', ')} from json_populate_recordset(null::tenant_configs, $1) join newer using (tenant_id)
  cross join (select set_config('synchronous_commit', 'off', true)) as asynchronous
  on conflict (tenant_id) do update set ${updated(TENANT_COLUMNS)}`;

/**
 * Writes rows, each tenant at most once, and how far the projection has come, in one statement, hence one transaction. A row that is
 * not of a higher revision than the stored one changes nothing.
 * The commit does not wait for the disk: should the server crash, rows and position are lost together, and projected again.
 */
export async function writeTenants(client: Queryable, rows: readonly ReadModelRow[], position: bigint | null): Promise<void> {
  // In one order everywhere: two writers that meet wait for each other instead of deadlocking.
  const sorted = rows.toSorted((a, b) => (a.tenant_id < b.tenant_id ? -1 : 1));
  const values = [JSON.stringify(sorted), CHECKPOINTS.tenants, position?.toString() ?? null];
  await client.query({ name: 'write_tenants', text: UPSERT, values });
}

/** A tenant in a list: its row without anything secret, not even sealed. */
export type ListedTenant = Omit<TenantRow, 'db_password_encrypted' | 'readonly_db_password_encrypted'>;

const LISTED_COLUMNS = TENANT_COLUMNS.filter(
  (column) => column !== 'db_password_encrypted' && column !== 'readonly_db_password_encrypted',
);

export interface TenantQuery {
  readonly status?: string | undefined;
  readonly tier?: string | undefined;
  /** Whether the homes are known not to be what their version should look like. */
  readonly drift?: boolean | undefined;
  /** Only tenants whose id comes after this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** As the driver reads it: decimals as text, timestamps as dates. */
type StoredRow = Omit<ListedTenant, 'created_at' | 'updated_at' | 'max_cpu_percent' | 'max_memory_mb' | 'max_storage_gb'> & {
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly max_cpu_percent: string;
  readonly max_memory_mb: string;
  readonly max_storage_gb: string;
};

/** Tenants in the order of their ids. */
export async function listTenants(pool: Pool, query: TenantQuery): Promise<ListedTenant[]> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (column: string, operator: string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(`${column} ${operator} $${values.length}`);
  };
  where('status', '=', query.status);
  where('tier', '=', query.tier);
  where('tenant_id', '>', query.after);
  if (query.drift !== undefined) {
    const drifted = 'select from tenant_revisions r where r.tenant_id = tenant_configs.tenant_id and r.drift_since is not null';
    conditions.push(`${query.drift ? '' : 'not '}exists (${drifted})`);
  }
  values.push(query.limit);
  const result = await pool.query<StoredRow>(
    `select ${LISTED_COLUMNS.join(', ')} from tenant_configs
     ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
     order by tenant_id limit $${values.length}`,
    values,
  );
  return result.rows.map(fromStoredRow);
}

const fromStoredRow = (row: StoredRow): ListedTenant => ({
  ...row,
  max_cpu_percent: Number(row.max_cpu_percent),
  max_memory_mb: Number(row.max_memory_mb),
  max_storage_gb: Number(row.max_storage_gb),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});
