import type { Queryable } from '@ultracore/postgres';
import type { KnownRequest, KnownTenant } from '../provisioning/survey.ts';
import type { Server } from './work.ts';

/** What the bookkeeping knows of some requests. One that it does not know is not in the answer. */
export async function readRequests(client: Queryable, requestIds: readonly string[]): Promise<Map<string, KnownRequest>> {
  const result = await client.query<{ request_id: string; state: KnownRequest['state']; outcome: KnownRequest['outcome'] }>(
    'select request_id, state, outcome from worker.work_item where request_id = any($1)',
    [requestIds],
  );
  return new Map(result.rows.map(({ request_id, state, outcome }) => [request_id, { state, outcome }]));
}

/** The tenants that the directory places on a server. */
export async function readTenantsOf(client: Queryable, server: Server): Promise<KnownTenant[]> {
  const result = await client.query<KnownTenant>(
    `select tenant_id as "tenantId", row->>'tier' as tier, home_request_id as "homeRequestId",
            wanted is not null and not exists (
              select from worker.work_item i where i.tenant_id = d.tenant_id and i.kind = 'purge' and i.state <> 'closed') as "hasHome"
     from worker.directory_row d where db_host = $1 and db_port = $2`,
    [server.host, server.port],
  );
  return result.rows;
}

/** Closed requests whose homes are to be undone once more, under the same rules as the first time. */
export async function reopenForUndo(client: Queryable, requestIds: readonly string[]): Promise<number> {
  const result = await client.query(
    `with again as (
       update worker.work_item set state = 'undo', outcome = null, closed_at = null, tries = 0, unclear_tries = 0, due_at = now()
       where request_id = any($1) and kind = 'provision' and state = 'closed' and outcome in ('failed', 'cancelled', 'superseded') returning request_id
     )
     delete from worker.step s using again where s.request_id = again.request_id and s.step = 'undo'`,
    [requestIds],
  );
  return result.rowCount ?? 0;
}

/**
 * Items for requests that the directory has shown as open for `forMs` and whose event never came: of a bookkeeping that was
 * lost, for example. Answers the tenants. Only the event knows which standby is to be verified: that is never done without it.
 */
export async function recordForgottenRequests(client: Queryable, forMs: number): Promise<string[]> {
  const result = await client.query<{ tenant_id: string }>(
    `insert into worker.work_item (request_id, tenant_id, kind, revision)
     select (r.value->>'id')::uuid, d.tenant_id, r.key, d.revision
     from worker.directory_row d, jsonb_each(d.row->'requests') as r
     where cardinality(d.open_requests) > 0 and d.received_at < clock_timestamp() - $1 * interval '1 millisecond'
       and r.value->>'outcome' = 'open' and r.key <> 'verify_replica'
       and not exists (select from worker.work_item i where i.request_id = (r.value->>'id')::uuid)
     on conflict (request_id) do nothing returning tenant_id`,
    [forMs],
  );
  return result.rows.map(({ tenant_id }) => tenant_id);
}

/** Tenants with work or a home on a server that is not configured here, by `host:port`. */
export async function readUnknownServers(
  client: Queryable,
  known: readonly Server[],
): Promise<{ server: string; tenants: number }[]> {
  const result = await client.query<{ server: string; tenants: number }>(
    `select db_host || ':' || db_port as server, count(*)::integer as tenants from worker.directory_row d
     where (d.wanted is not null or cardinality(d.open_requests) > 0)
       and not exists (select from unnest($1::text[], $2::integer[]) as k (host, port) where k.host = d.db_host and k.port = d.db_port)
     group by 1 order by 1`,
    [known.map(({ host }) => host), known.map(({ port }) => port)],
  );
  return result.rows;
}
