import type { Pool } from 'pg';
import type { Ask } from '../rollout/ask.ts';
import type { WaveProgress } from '../rollout/commands.ts';
import type { Candidate } from '../rollout/plan.ts';

export interface ListedRollout {
  readonly rollout_id: string;
  readonly target_version: string;
  readonly reason: string;
  readonly status: 'running' | 'stopped' | 'completed';
  readonly attempt: number;
  readonly wave: number;
  readonly planned_by: string;
  readonly planned_at: string;
}

/** Rollouts, the newest first, at most `limit`; `before` is the id of the one that the page before ended with. */
export async function listRollouts(
  pool: Pool,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<ListedRollout[]> {
  const result = await pool.query<Omit<ListedRollout, 'planned_at'> & { planned_at: Date }>(
    `select rollout_id, target_version, reason, status, attempt, wave, planned_by, planned_at from rollouts
     where $1::uuid is null or (planned_at, rollout_id) < (select planned_at, rollout_id from rollouts where rollout_id = $1)
     order by planned_at desc, rollout_id desc limit $2`,
    [before ?? null, limit],
  );
  return result.rows.map((row) => ({ ...row, planned_at: row.planned_at.toISOString() }));
}

/** The rollout that runs, and up to which event of its stream the rows below are; undefined when none does. */
export async function runningRollout(pool: Pool): Promise<{ rolloutId: string; revision: number } | undefined> {
  const result = await pool.query<{ rolloutId: string; revision: number }>(
    `select rollout_id as "rolloutId", revision::int from rollouts where status = 'running' order by planned_at limit 1`,
  );
  return result.rows[0];
}

/**
 * What is migrated as one: the small tenants of each server, with how those of them stand that say something of the schema that they
 * share. `first` is the place of the first of them that waits.
 */
const UNITS = `units as materialized (
    select server, bool_or(state = 'done') as done, bool_or(state = 'failed') as failed, bool_or(state = 'running') as running,
           min(array[wave, place]) filter (where state = 'waiting') as first
    from rollout_tenants where rollout_id = $1 and tier = 'small' group by server
  )`;
const OF_UNIT = `left join units on tier = 'small' and units.server = mine.server`;
/** A tenant of the small tier whose server has one that failed, and none that is done: their schema could not be migrated. */
const BLOCKED = `(state = 'waiting' and coalesce(units.failed and not units.done, false))`;

/** How the tenants stand, wave by wave in their order. */
export async function progressOf(pool: Pool, rolloutId: string): Promise<(WaveProgress & { readonly wave: number })[]> {
  const count = (state: string): string => `(count(*) filter (where state = '${state}'))::int as ${state}`;
  const result = await pool.query<WaveProgress & { wave: number }>(
    `with ${UNITS}
     select wave, ${['waiting', 'running', 'done', 'failed', 'skipped'].map(count).join(', ')},
            (count(*) filter (where ${BLOCKED}))::int as blocked,
            (count(*) filter (where state = 'skipped' and code = 'already_migrated'))::int as already
     from rollout_tenants mine ${OF_UNIT} where rollout_id = $1 group by wave order by wave`,
    [rolloutId],
  );
  return result.rows;
}

interface ToAsk {
  readonly rolloutId: string;
  readonly wave: number;
  /** Tenants whose migration may be open at once, over all servers. */
  readonly concurrency: number;
  /** Tenants that were asked, and wait in these rows only because that has not been projected yet. */
  readonly asked: readonly string[];
  readonly limit: number;
}

/**
 * Tenants up to a wave that are to be asked next, at most `limit`. Of small tenants on one server the first only, until one of them is done:
 * it migrates the schema of all. The servers on which somebody waits or is asked share the concurrency, so that one that has stopped
 * answering keeps no more than its part of it.
 */
export async function tenantsToAsk(pool: Pool, { rolloutId, wave, concurrency, asked, limit }: ToAsk): Promise<Ask[]> {
  const result = await pool.query<Ask>(
    `with ${UNITS},
     open as (
       select server, count(*) as tenants from rollout_tenants
       where rollout_id = $1 and (state = 'running' or state = 'waiting' and tenant_id = any($4)) group by server
     ), next as (
       select tenant_id, attempt, wave, place, mine.server,
              row_number() over (partition by mine.server order by wave, place, tenant_id) as nth
       from rollout_tenants mine ${OF_UNIT}
       where rollout_id = $1 and state = 'waiting' and wave <= $2 and tenant_id <> all($4) and (
         tier <> 'small' or units.done or not units.running and not units.failed and array[wave, place] = units.first)
     ), share as (
       select ceil($3::numeric / greatest(1, count(*))) as tenants from (select server from open union select server from next) as busy
     )
     select tenant_id as "tenantId", attempt from next left join open using (server) cross join share
     where nth + coalesce(open.tenants, 0) <= share.tenants order by wave, place, tenant_id limit $5`,
    [rolloutId, wave, concurrency, asked, limit],
  );
  return result.rows;
}

/** Of some tenants those that wait to be asked, and in which attempt. */
export async function stillWaiting(
  pool: Pool,
  { rolloutId, tenantIds }: { readonly rolloutId: string; readonly tenantIds: readonly string[] },
): Promise<Ask[]> {
  const result = await pool.query<Ask>(
    `select tenant_id as "tenantId", attempt from rollout_tenants
     where rollout_id = $1 and state = 'waiting' and tenant_id = any($2)`,
    [rolloutId, tenantIds],
  );
  return result.rows;
}

/**
 * Tenants whose migration was asked for before a time and is open, those asked first at the head; none of a server that has ended another's
 * since: there they wait for their turn.
 */
export async function overdueTenants(
  pool: Pool,
  { rolloutId, askedBefore, limit }: { readonly rolloutId: string; readonly askedBefore: string; readonly limit: number },
): Promise<(Ask & { readonly requestId: string })[]> {
  const result = await pool.query<Ask & { requestId: string }>(
    `select tenant_id as "tenantId", attempt, request_id as "requestId" from rollout_tenants
     where rollout_id = $1 and state = 'running' and asked_at < $2
       and server not in (select server from rollout_tenants where rollout_id = $1 and ended_at >= $2)
     order by asked_at, tenant_id limit $3`,
    [rolloutId, askedBefore, limit],
  );
  return result.rows;
}

/** Tenants up to a wave that are not asked, because the schema that they share could not be migrated. */
export async function blockedTenants(
  pool: Pool,
  { rolloutId, wave, limit }: { readonly rolloutId: string; readonly wave: number; readonly limit: number },
): Promise<string[]> {
  const result = await pool.query<{ tenant_id: string }>(
    `with ${UNITS}
     select tenant_id from rollout_tenants mine ${OF_UNIT}
     where rollout_id = $1 and wave <= $2 and ${BLOCKED} order by wave, place limit $3`,
    [rolloutId, wave, limit],
  );
  return result.rows.map((row) => row.tenant_id);
}

export interface ListedRolloutTenant {
  readonly tenant_id: string;
  readonly tier: string;
  readonly wave: number;
  readonly state: string;
  readonly attempt: number;
  readonly request_id: string | null;
  readonly code: string | null;
  readonly reason: string | null;
}

/** Tenants of a rollout in the order of their ids. */
export async function listRolloutTenants(
  pool: Pool,
  query: {
    readonly rolloutId: string;
    readonly state?: string | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  },
): Promise<ListedRolloutTenant[]> {
  const result = await pool.query<ListedRolloutTenant>(
    `select tenant_id, tier, wave, state, attempt, request_id, code, reason from rollout_tenants
     where rollout_id = $1 and ($2::text is null or state = $2) and tenant_id > $3 order by tenant_id limit $4`,
    [query.rolloutId, query.state ?? null, query.after ?? '', query.limit],
  );
  return result.rows;
}

/** What a plan needs to know of every tenant. Of one whose row is older than this knowledge only the stream knows its version. */
export async function rolloutCandidates(pool: Pool): Promise<(Candidate & { readonly known: boolean })[]> {
  const result = await pool.query<Candidate & { known: boolean }>(
    `select tenant_id as "tenantId", tier, status, db_host || ':' || db_port as server, migration_version as "migrationVersion",
            coalesce(migrating, false) as migrating, migrating is not null as known
     from tenant_configs join tenant_revisions using (tenant_id) where status <> 'purged'`,
  );
  return result.rows;
}
