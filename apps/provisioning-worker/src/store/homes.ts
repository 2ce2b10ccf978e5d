import type { DirectoryRow } from '@ultracore/contracts';
import type { Queryable } from '@ultracore/postgres';
import { NOT_KNOWN } from '../provisioning/wanted.ts';
import { giveBackLease, takeLeases, type TenantLease } from './leases.ts';
import type { Server } from './work.ts';

export interface LeaseOptions {
  readonly server: Server;
  readonly holder: number;
  readonly ttlMs: number;
  readonly limit: number;
}

/** Leases homes of a server whose logins are not treated as their directory row wants it. */
export function leaseHomesToRepair(client: Queryable, options: LeaseOptions): Promise<TenantLease[]> {
  return leaseHomes(client, options, `d.repair_at <= clock_timestamp() order by d.repair_at`);
}

/** Leases homes of a server whose logins have not been looked at for `sinceMs`, those not looked at for longest first. */
export function leaseHomesToTest(client: Queryable, options: LeaseOptions & { sinceMs: number }): Promise<TenantLease[]> {
  const since = `clock_timestamp() - ${Math.trunc(options.sinceMs)} * interval '1 millisecond'`;
  return leaseHomes(
    client,
    options,
    `(d.logins_tested_at is null or d.logins_tested_at < ${since}) order by d.logins_tested_at nulls first`,
  );
}

/**
 * Tenants whose home is being made or removed are left alone, and those that are in hand: a rotation is soon over, and who migrates a
 * home closes its logins meanwhile if that is asked.
 */
export async function leaseHomes(client: Queryable, options: LeaseOptions, which: string): Promise<TenantLease[]> {
  const result = await client.query<{ tenant_id: string; token: string; to_end: string[] }>(
    `with due as materialized (
       select d.tenant_id from worker.directory_row d
       where d.wanted is not null and d.db_host = $1 and d.db_port = $2
         and not exists (select from worker.work_item i where i.tenant_id = d.tenant_id
                           and (i.kind = 'provision' and i.state in ('open', 'undo') or i.kind = 'purge' and i.state <> 'closed'))
         and not exists (select from worker.tenant_lease l where l.tenant_id = d.tenant_id and l.expires_at > clock_timestamp())
         and ${which}
       limit $5 for update of d skip locked
     )
     ${takeLeases('$3', '$4')}`,
    [options.server.host, options.server.port, options.holder, options.ttlMs, options.limit],
  );
  return result.rows.map((row) => ({ tenantId: row.tenant_id, token: row.token, toEnd: row.to_end }));
}

/** A leased tenant: its newest row, and as what its logins are known to be treated, if that is known. */
export interface LeasedHome {
  readonly row: DirectoryRow;
  readonly applied: string | null;
}

/** Null when the lease is lost. */
export async function readLeasedHome(client: Queryable, lease: TenantLease): Promise<LeasedHome | null> {
  const result = await client.query<LeasedHome>(
    `select d.row, d.applied from worker.directory_row d join worker.tenant_lease l on l.tenant_id = d.tenant_id
     where d.tenant_id = $1 and l.token = $2 and l.expires_at > clock_timestamp()`,
    [lease.tenantId, lease.token],
  );
  return result.rows[0] ?? null;
}

/** The newest row of a leased tenant, or null when the lease is lost. */
export async function readLeasedRow(client: Queryable, lease: TenantLease): Promise<DirectoryRow | null> {
  return (await readLeasedHome(client, lease))?.row ?? null;
}

/**
 * From here on it is not known how the logins are treated. To be written before anything is changed about them, so that a change
 * which is cut short is looked at again whatever is wanted by then. False when the lease is lost: then nothing may be changed.
 */
export async function forgetApplied(client: Queryable, lease: TenantLease): Promise<boolean> {
  const result = await client.query(
    `update worker.directory_row
     set applied = $3, repair_at = case when wanted is not null then coalesce(repair_at, now()) end
     where tenant_id = $1
       and exists (select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp())`,
    [lease.tenantId, lease.token, NOT_KNOWN],
  );
  return result.rowCount === 1;
}

/** The logins are treated as `applied` says. What has come to be wanted meanwhile is due at once. Gives the lease back. */
export async function recordApplied(client: Queryable, lease: TenantLease, applied: string): Promise<void> {
  await client.query(
    `with released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp() returning tenant_id
     )
     update worker.directory_row d
     set applied = $3, logins_tested_at = now(), repair_at = case when d.wanted <> $3 then now() end
     from released where d.tenant_id = released.tenant_id`,
    [lease.tenantId, lease.token, applied],
  );
}

/** As `recordApplied`, and keeps the lease. */
export async function noteApplied(client: Queryable, lease: TenantLease, applied: string): Promise<void> {
  await client.query(
    `update worker.directory_row d
     set applied = $3, logins_tested_at = now(), repair_at = case when d.wanted <> $3 then now() end
     where d.tenant_id = $1
       and exists (select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp())`,
    [lease.tenantId, lease.token, applied],
  );
}

/**
 * What is not known to be as it is wanted is due again after `afterMs`, or at once where a newer row has come since `revision`. Gives the lease back.
 * `mayStillRun`: the next holder is to end this one's sessions.
 */
export async function postponeHome(
  client: Queryable,
  lease: TenantLease,
  { revision, afterMs, mayStillRun }: { readonly revision: number; readonly afterMs: number; readonly mayStillRun: boolean },
): Promise<void> {
  await client.query(
    `with released as (
       ${giveBackLease(mayStillRun)}
     )
     update worker.directory_row d
     set logins_tested_at = now(),
         repair_at = case when d.wanted <> coalesce(d.applied, '') then
           case when d.revision = $4 then clock_timestamp() + $3 * interval '1 millisecond' else now() end end
     from released where d.tenant_id = released.tenant_id`,
    [lease.tenantId, lease.token, afterMs, revision],
  );
}
