import type { Queryable } from '@ultracore/postgres';
import { leaseHomes, type LeaseOptions } from './homes.ts';
import type { TenantLease } from './leases.ts';
import type { Server } from './work.ts';

/** Leases homes of a server that are due to be compared with what they should look like, those due for longest first. */
export function leaseHomesToCompare(client: Queryable, options: LeaseOptions): Promise<TenantLease[]> {
  return leaseHomes(client, options, 'd.drift_due_at <= clock_timestamp() order by d.drift_due_at');
}

/** The home is due again after `afterMs`, unless a newer row has come since `revision`, which may have made it due. Gives the lease back. */
export async function recordCompared(
  client: Queryable,
  lease: TenantLease,
  { revision, afterMs }: { readonly revision: number; readonly afterMs: number },
): Promise<void> {
  await client.query(
    `with released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp() returning tenant_id
     )
     update worker.directory_row d set drift_due_at = clock_timestamp() + $3 * interval '1 millisecond'
     from released where d.tenant_id = released.tenant_id and d.revision = $4`,
    [lease.tenantId, lease.token, afterMs, revision],
  );
}

/** Tenants of a server whose home is known not to be what its version should look like. */
export async function countDrifted(client: Queryable, server: Server): Promise<number> {
  const result = await client.query<{ drifted: number }>(
    `select count(*)::integer as drifted from worker.directory_row
     where db_host = $1 and db_port = $2 and wanted is not null and row->'schema_drift'->>'fingerprint' is not null`,
    [server.host, server.port],
  );
  return result.rows[0]?.drifted ?? 0;
}
