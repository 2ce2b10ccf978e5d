import type { DirectoryRow } from '@ultracore/contracts';
import type { Queryable } from '@ultracore/postgres';
import type { Failure, ItemState, Outcome, Situation, Tier, WorkKind } from '../provisioning/situation.ts';
import { giveBackLease, takeLeases, type TenantLease } from './leases.ts';

/** A leased tenant and the item of it that is next. */
export interface LeasedItem extends TenantLease {
  readonly requestId: string;
}

export interface Server {
  readonly host: string;
  readonly port: number;
}

/** Both logins' passwords as they are told and kept: encrypted. */
export interface SealedCredential {
  readonly db_username: string;
  readonly db_password_encrypted: string;
  readonly readonly_db_username: string;
  readonly readonly_db_password_encrypted: string;
  readonly encryption_algorithm: string;
  readonly key_id: string;
}

export interface IntendedHome extends Server {
  readonly tier: Tier;
}

/** All that is known of a leased item: what a decision needs, and what a step needs. */
export interface Work extends Situation {
  readonly row: DirectoryRow | null;
  readonly results: Readonly<Record<string, unknown>>;
  readonly tries: number;
  readonly unclearTries: number;
  readonly intended: IntendedHome | null;
  readonly sealed: SealedCredential | null;
  /** What the event that asks says of what it asks for. */
  readonly details: unknown;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/**
 * Leases up to `limit` tenants of one server whose next item is due, and a migration or anything else, undoing first, then by age. A tenant's next item is the
 * one of lowest revision that is not closed; it is due once the directory has reached its revision, and what it waits for. Two
 * workers never get the same tenant: what one has in hand the other skips, and a lease changes hands only after it ran out.
 *
 * Creations and migrations to a version in `leave` are not taken: another worker has it, and this one has not.
 *
 * The queue is read in its order by an index and each candidate is looked up by key, whatever the statistics say: subqueries for
 * a value, and `offset 0`, are not turned into joins.
 */
export async function leaseDueItems(
  client: Queryable,
  options: {
    server: Server;
    holder: number;
    ttlMs: number;
    limit: number;
    only: 'migrations' | 'others';
    leave: readonly string[];
  },
): Promise<LeasedItem[]> {
  const result = await client.query<{ tenant_id: string; request_id: string; token: string; to_end: string[] }>(
    `with due as materialized (
       select i.tenant_id, i.request_id
       from worker.work_item i
       cross join lateral (
         select from worker.directory_row d
         where d.tenant_id = i.tenant_id and d.revision >= i.revision and d.revision > coalesce(i.waits_beyond, -1)
           and not (i.state = 'sent' and i.request_id = any (d.open_requests))
           and (cardinality($7::text[]) = 0 or i.state = 'undo' or i.kind not in ('migrate', 'provision')
                or (d.row->>'target_migration_version' = any ($7)) is not true)
           and coalesce((select h.db_host = $1 and h.db_port = $2 from worker.intended_home h where h.request_id = i.request_id),
                        d.db_host = $1 and d.db_port = $2)
         offset 0) d
       where i.state <> 'closed' and i.due_at <= clock_timestamp() and (i.kind = 'migrate') = $6
         and i.request_id = (select e.request_id from worker.work_item e where e.tenant_id = i.tenant_id and e.state <> 'closed'
                             order by e.revision, e.request_id limit 1)
         and (select l.expires_at > clock_timestamp() from worker.tenant_lease l where l.tenant_id = i.tenant_id) is not true
       order by (i.state = 'undo') desc, i.received_at
       limit $5 for update of i skip locked
     ), leased as (
       ${takeLeases('$3', '$4')}
     )
     select leased.tenant_id, due.request_id, leased.token, leased.to_end from leased join due using (tenant_id)`,
    [
      options.server.host,
      options.server.port,
      options.holder,
      options.ttlMs,
      options.limit,
      options.only === 'migrations',
      options.leave,
    ],
  );
  return result.rows.map((row) => ({
    tenantId: row.tenant_id,
    requestId: row.request_id,
    token: row.token,
    toEnd: row.to_end,
  }));
}

interface WorkRow {
  request_id: string;
  tenant_id: string;
  kind: WorkKind;
  revision: string;
  state: ItemState;
  failure: Failure | null;
  tries: number;
  unclear_tries: number;
  details: unknown;
  correlation_id: string | null;
  traceparent: string | null;
  row: DirectoryRow | null;
  results: Record<string, unknown> | null;
  intended: { tier: Tier; db_host: string; db_port: number } | null;
  sealed: SealedCredential | null;
}

const HELD = `select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp()`;

const WORK = `select i.request_id, i.tenant_id, i.kind, i.revision, i.state, i.failure, i.tries, i.unclear_tries, i.details,
         i.correlation_id, i.traceparent, d.row,
         (select jsonb_object_agg(s.step, s.result) from worker.step s where s.request_id = i.request_id) as results,
         (select to_jsonb(h) from worker.intended_home h where h.request_id = i.request_id) as intended,
         (select to_jsonb(c) - 'request_id' - 'sealed_at' from worker.sealed_credential c where c.request_id = i.request_id) as sealed
       from worker.work_item i left join worker.directory_row d on d.tenant_id = i.tenant_id
       where i.request_id = $3 and i.state <> 'closed' and exists (${HELD})`;

/** All that is known of a leased item now, or null when the lease is lost or the item is closed: hands off. */
export async function readWork(client: Queryable, item: LeasedItem): Promise<Work | null> {
  const result = await client.query<WorkRow>(WORK, [item.tenantId, item.token, item.requestId]);
  return fromRow(result.rows[0]);
}

/** Closes a step and reads the item again, in one statement. Null, with nothing written, when the lease is lost. */
export async function closeStep(client: Queryable, item: LeasedItem, step: string, outcome: object): Promise<Work | null> {
  const result = await client.query<WorkRow>(
    `with step as (
       insert into worker.step (request_id, step, result) select $3, $4, $5 where exists (${HELD})
       on conflict (request_id, step) do nothing
     ), calm as (
       update worker.work_item set tries = 0, unclear_tries = 0 where request_id = $3 and tries > 0 and exists (${HELD})
     )
     ${WORK}`,
    [item.tenantId, item.token, item.requestId, step, JSON.stringify(outcome)],
  );
  const row = result.rows[0];
  // A statement does not see what it writes itself.
  return fromRow(row && { ...row, tries: 0, unclear_tries: 0, results: { ...row.results, [step]: outcome } });
}

function fromRow(row: WorkRow | undefined): Work | null {
  if (row === undefined) return null;
  const results = row.results ?? {};
  return {
    item: {
      requestId: row.request_id,
      tenantId: row.tenant_id,
      kind: row.kind,
      revision: Number(row.revision),
      state: row.state,
      failure: row.failure,
    },
    row: row.row,
    closed: new Set(Object.keys(results)),
    results,
    tries: row.tries,
    unclearTries: row.unclear_tries,
    intended: row.intended && { tier: row.intended.tier, host: row.intended.db_host, port: row.intended.db_port },
    sealed: row.sealed,
    details: row.details,
    correlationId: row.correlation_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
  };
}

/**
 * Fixes a request's credential, and of a creation where its home is to be, before anything is made. What was fixed before
 * stays; null when the lease is lost.
 */
export async function fixCredential(
  client: Queryable,
  item: LeasedItem,
  intended: IntendedHome | null,
  sealed: SealedCredential,
): Promise<Work | null> {
  await client.query(
    `with home as (
       insert into worker.intended_home (request_id, tenant_id, tier, db_host, db_port)
       select $3, $1, $4, $5, $6 where $4::text is not null and exists (${HELD}) on conflict (request_id) do nothing
     )
     insert into worker.sealed_credential
       (request_id, db_username, db_password_encrypted, readonly_db_username, readonly_db_password_encrypted, encryption_algorithm, key_id)
     select $3, $7, $8, $9, $10, $11, $12 where exists (${HELD}) on conflict (request_id) do nothing`,
    [
      item.tenantId,
      item.token,
      item.requestId,
      intended?.tier,
      intended?.host,
      intended?.port,
      sealed.db_username,
      sealed.db_password_encrypted,
      sealed.readonly_db_username,
      sealed.readonly_db_password_encrypted,
      sealed.encryption_algorithm,
      sealed.key_id,
    ],
  );
  return readWork(client, item);
}

/** From here on what the item made is undone and the failure told. The first failure stays. False when the lease is lost. */
export async function recordFailure(client: Queryable, item: LeasedItem, failure: Failure): Promise<boolean> {
  const result = await client.query(
    `update worker.work_item set state = 'undo', failure = coalesce(failure, $4), tries = 0, unclear_tries = 0
     where request_id = $3 and exists (${HELD})`,
    [item.tenantId, item.token, item.requestId, JSON.stringify(failure)],
  );
  return result.rowCount === 1;
}

/**
 * The item is due again after `afterMs`; gives the lease back. A failure that `counts` lengthens the next pause; one that is
 * `unclear` may not happen often in a row. `mayStillRun`: the next holder is to end this one's sessions.
 */
export async function postpone(
  client: Queryable,
  item: LeasedItem,
  { afterMs, counts, unclear, mayStillRun }: { afterMs: number; counts: boolean; unclear: boolean; mayStillRun: boolean },
): Promise<void> {
  await client.query(
    `with held as materialized (${HELD}), released as (
       ${giveBackLease(mayStillRun)}
     )
     update worker.work_item
     set due_at = clock_timestamp() + $4 * interval '1 millisecond', tries = tries + $5, unclear_tries = unclear_tries + $6
     where request_id = $3 and exists (select from held)`,
    [item.tenantId, item.token, item.requestId, afterMs, counts ? 1 : 0, unclear ? 1 : 0],
  );
}

/** Nothing can be done before a row newer than `revision` arrives, which may be there already. Gives the lease back. */
export async function waitForRow(client: Queryable, item: LeasedItem, revision: number): Promise<void> {
  await client.query(
    `with held as materialized (${HELD}), released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and exists (select from held)
     )
     update worker.work_item set waits_beyond = $4 where request_id = $3 and exists (select from held)`,
    [item.tenantId, item.token, item.requestId, revision],
  );
}

/**
 * Every step is closed and told: the item waits for the registry's answer, which may be there already. `applied`: how the logins
 * are treated now; null where the work has left them as they were. Gives the lease back.
 */
export async function finishItem(
  client: Queryable,
  item: LeasedItem,
  { step, outcome, applied }: { step: string; outcome: object; applied: string | null },
): Promise<boolean> {
  const result = await client.query(
    `with held as materialized (${HELD}), said as materialized (
       select exists (select from worker.directory_row where tenant_id = $1 and $3 = any (done_requests)) as confirmed
     ), step as (
       insert into worker.step (request_id, step, result) select $3, $4, $5 where exists (select from held)
       on conflict (request_id, step) do nothing
     ), applied as (
       update worker.directory_row
       set applied = $6, logins_tested_at = now(),
           repair_at = case when (select confirmed from said) then case when wanted <> $6 then now() end else repair_at end
       where tenant_id = $1 and $6::text is not null and exists (select from held)
     ), released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and exists (select from held)
     )
     update worker.work_item i
     set state = case when said.confirmed then 'closed' else 'sent' end, outcome = case when said.confirmed then 'done' end,
         closed_at = case when said.confirmed then now() end
     from said where i.request_id = $3 and exists (select from held)`,
    [item.tenantId, item.token, item.requestId, step, JSON.stringify(outcome), applied],
  );
  return result.rowCount === 1;
}

/** Nothing is left to do. Gives the lease back. */
export async function closeItem(client: Queryable, item: LeasedItem, outcome: Outcome): Promise<void> {
  await client.query(
    `with held as materialized (${HELD}), released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and exists (select from held)
     )
     update worker.work_item set state = 'closed', outcome = $4, closed_at = now()
     where request_id = $3 and state <> 'closed' and exists (select from held)`,
    [item.tenantId, item.token, item.requestId, outcome],
  );
}
