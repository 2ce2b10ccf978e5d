import type { Pool } from 'pg';

/** `uc` in ASCII: the first key of the advisory locks that running workers keep on their numbers. */
export const WORKER_LOCK_CLASS = 0x7563;

/** Right to work on one tenant. `token` grows with every lease given to anybody. */
export interface TenantLease {
  readonly tenantId: string;
  readonly token: string;
  /** Tokens of holders that vanished or were too slow: their sessions must be ended before anything is done. */
  readonly toEnd: readonly string[];
}

/**
 * The part of a statement that leases those tenants of its `due` that nobody holds, and answers their `tenant_id`, `token` and `to_end`: whoever held
 * one before is to be ended. Names the parameters that are the worker's number, and for how many milliseconds.
 */
export const takeLeases = (holder: `$${number}`, ttlMs: `$${number}`): string => `
  insert into worker.tenant_lease as l (tenant_id, holder, token, expires_at)
  select tenant_id, ${holder}, nextval('worker.lease_token'), clock_timestamp() + ${ttlMs} * interval '1 millisecond' from due
  on conflict (tenant_id) do update
    set holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at, to_end = l.to_end || l.token
    where l.expires_at <= clock_timestamp()
  returning l.tenant_id, l.token, l.to_end`;

/**
 * The part of a statement that ends the lease with tenant `$1` and token `$2`, while it is held. Where the server was in trouble a statement may
 * still run there: the row stays, so that whoever takes the tenant up next ends the session first.
 */
export const giveBackLease = (mayStillRun: boolean): string =>
  `${mayStillRun ? "update worker.tenant_lease set expires_at = '-infinity'" : 'delete from worker.tenant_lease'}
   where tenant_id = $1 and token = $2 and expires_at > clock_timestamp() returning tenant_id`;

/** Lengthens the leases of one worker; answers the tokens that are still held. */
export async function renewLeases(pool: Pool, tokens: readonly string[], ttlMs: number): Promise<Set<string>> {
  const result = await pool.query<{ token: string }>(
    `update worker.tenant_lease set expires_at = clock_timestamp() + $2 * interval '1 millisecond'
     where token = any($1::bigint[]) and expires_at > clock_timestamp() returning token`,
    [tokens, ttlMs],
  );
  return new Set(result.rows.map(({ token }) => token));
}

/** False when the lease has run out or somebody else has it. */
export async function isLeaseHeld(pool: Pool, { tenantId, token }: TenantLease): Promise<boolean> {
  const result = await pool.query(
    'select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp()',
    [tenantId, token],
  );
  return result.rowCount === 1;
}

/** Sessions of earlier holders are gone; nobody need look for them again. */
export async function forgetEnded(pool: Pool, { tenantId, token }: TenantLease): Promise<void> {
  await pool.query("update worker.tenant_lease set to_end = '{}' where tenant_id = $1 and token = $2", [tenantId, token]);
}

/** Gives a lease back. One under which earlier sessions are still to be ended keeps its row, so that the next holder ends them. */
export async function releaseLease(pool: Pool, { tenantId, token }: TenantLease): Promise<void> {
  await pool.query(
    `with gone as (delete from worker.tenant_lease where tenant_id = $1 and token = $2 and to_end = '{}' returning 1)
     update worker.tenant_lease set expires_at = '-infinity'
     where tenant_id = $1 and token = $2 and not exists (select from gone)`,
    [tenantId, token],
  );
}

/** The leases of workers that are no longer there end at once instead of when they run out. */
export async function expireLeasesOfTheDead(pool: Pool, self: number): Promise<number> {
  const result = await pool.query(
    `update worker.tenant_lease l set expires_at = '-infinity'
     where l.expires_at > clock_timestamp() and l.holder <> $1 and not exists (
       select from pg_locks k
       where k.locktype = 'advisory' and k.granted and k.classid = $2 and k.objid = l.holder and k.objsubid = 2
         and k.database = (select oid from pg_database where datname = current_database()))`,
    [self, WORKER_LOCK_CLASS],
  );
  return result.rowCount ?? 0;
}
