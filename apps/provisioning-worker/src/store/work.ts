import type { DirectoryRow } from '@ultracore/contracts';
import type { Queryable } from '@ultracore/postgres';
import type { Outcome } from '../provisioning/decide.ts';
import type { Failure, ItemState, Situation, Tier } from '../provisioning/situation.ts';
import type { TenantLease } from './leases.ts';

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
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/**
 * Leases up to `limit` tenants of one server whose next item is due, undoing first, then by age. A tenant's next item is the
 * one of lowest revision that is not closed; it is due once the directory has reached its revision. Two workers never get the
 * same tenant: what one has in hand the other skips, and a lease changes hands only after it ran out.
 */
export async function leaseDueItems(
  client: Queryable,
  options: { server: Server; holder: number; ttlMs: number; limit: number },
): Promise<LeasedItem[]> {
  const result = await client.query<{ tenant_id: string; request_id: string; token: string; to_end: string[] }>(
    `with due as materialized (
       select i.tenant_id, i.request_id
       from worker.work_item i
       join worker.directory_row d on d.tenant_id = i.tenant_id
       left join worker.intended_home h on h.request_id = i.request_id
       where i.state <> 'closed' and i.due_at <= clock_timestamp() and d.revision >= i.revision
         and coalesce(h.db_host, d.db_host) = $1 and coalesce(h.db_port, d.db_port) = $2
         and not (i.state = 'sent' and d.provision_id is not distinct from i.request_id and d.provision_outcome = 'open')
         and not exists (select from worker.work_item e
                         where e.tenant_id = i.tenant_id and e.state <> 'closed' and (e.revision, e.request_id) < (i.revision, i.request_id))
         and not exists (select from worker.tenant_lease l where l.tenant_id = i.tenant_id and l.expires_at > clock_timestamp())
       order by i.state = 'undo' desc, i.received_at
       limit $5 for update of i skip locked
     ), leased as (
       insert into worker.tenant_lease as l (tenant_id, holder, token, expires_at)
       select tenant_id, $3, nextval('worker.lease_token'), clock_timestamp() + $4 * interval '1 millisecond' from due
       on conflict (tenant_id) do update
         set holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at, to_end = l.to_end || l.token
         where l.expires_at <= clock_timestamp()
       returning l.tenant_id, l.token, l.to_end
     )
     select leased.tenant_id, due.request_id, leased.token, leased.to_end from leased join due using (tenant_id)`,
    [options.server.host, options.server.port, options.holder, options.ttlMs, options.limit],
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
  revision: string;
  state: ItemState;
  failure: Failure | null;
  tries: number;
  unclear_tries: number;
  correlation_id: string | null;
  traceparent: string | null;
  row: DirectoryRow | null;
  results: Record<string, unknown> | null;
  intended: { tier: Tier; db_host: string; db_port: number } | null;
  sealed: SealedCredential | null;
}

const HELD = `select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp()`;

const WORK = `select i.request_id, i.tenant_id, i.revision, i.state, i.failure, i.tries, i.unclear_tries, i.correlation_id,
         i.traceparent, d.row,
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
    correlationId: row.correlation_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
  };
}

/**
 * Fixes a request's credential and where its home is to be, before anything is made. What was fixed before
 * stays; null when the lease is lost.
 */
export async function fixCredential(
  client: Queryable,
  item: LeasedItem,
  intended: IntendedHome,
  sealed: SealedCredential,
): Promise<Work | null> {
  await client.query(
    `with home as (
       insert into worker.intended_home (request_id, tenant_id, tier, db_host, db_port)
       select $3, $1, $4, $5, $6 where exists (${HELD}) on conflict (request_id) do nothing
     )
     insert into worker.sealed_credential
       (request_id, db_username, db_password_encrypted, readonly_db_username, readonly_db_password_encrypted, encryption_algorithm, key_id)
     select $3, $7, $8, $9, $10, $11, $12 where exists (${HELD}) on conflict (request_id) do nothing`,
    [
      item.tenantId,
      item.token,
      item.requestId,
      intended.tier,
      intended.host,
      intended.port,
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

/** From here on the item is only undone. The first failure stays. False when the lease is lost. */
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
 * `unclear` may not happen often in a row.
 */
export async function postpone(
  client: Queryable,
  item: LeasedItem,
  { afterMs, counts, unclear }: { afterMs: number; counts: boolean; unclear: boolean },
): Promise<void> {
  await client.query(
    `with held as materialized (${HELD}), released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and exists (select from held)
     )
     update worker.work_item
     set due_at = clock_timestamp() + $4 * interval '1 millisecond', tries = tries + $5, unclear_tries = unclear_tries + $6
     where request_id = $3 and exists (select from held)`,
    [item.tenantId, item.token, item.requestId, afterMs, counts ? 1 : 0, unclear ? 1 : 0],
  );
}

/** Every step is closed and told: the item waits for the registry's answer, which may be there already. Gives the lease back. */
export async function finishCreation(
  client: Queryable,
  item: LeasedItem,
  { step, outcome, applied }: { step: string; outcome: object; applied: string },
): Promise<boolean> {
  const result = await client.query(
    `with held as materialized (${HELD}), step as (
       insert into worker.step (request_id, step, result) select $3, $4, $5 where exists (select from held)
       on conflict (request_id, step) do nothing
     ), applied as (
       update worker.directory_row
       set applied = $6, logins_tested_at = now(), repair_at = case when wanted <> $6 then now() end
       where tenant_id = $1 and exists (select from held)
     ), released as (
       delete from worker.tenant_lease where tenant_id = $1 and token = $2 and exists (select from held)
     )
     update worker.work_item i set state = answer.state, outcome = answer.outcome, closed_at = answer.closed_at
     from (select case when confirmed then 'closed' else 'sent' end as state, case when confirmed then 'done' end as outcome,
                  case when confirmed then now() end as closed_at
           from (select exists (select from worker.directory_row where tenant_id = $1 and provision_id = $3
                                  and provision_outcome = 'done') as confirmed) as said) as answer
     where i.request_id = $3 and exists (select from held)`,
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
