import type { DirectoryRow } from '@ultracore/contracts';
import type { Queryable } from '@ultracore/postgres';
import { fingerprintOf, wantedHome } from '../provisioning/wanted.ts';

/**
 * Keeps a directory row unless one of the same or a higher revision is there, and closes the items whose end it confirms.
 * True when the tenant may now have something to be done; also where the event that asks is being recorded at this moment and
 * cannot be seen, so that whichever of the two is written last finds the other.
 */
export async function recordRow(client: Queryable, row: DirectoryRow): Promise<boolean> {
  const wanted = wantedHome(row);
  const result = await client.query<{ work: boolean }>(
    `with kept as (
       insert into worker.directory_row as d
         (tenant_id, revision, row, db_host, db_port, open_requests, done_requests, home_request_id, wanted, repair_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $9::text is not null then now() end)
       on conflict (tenant_id) do update
         set revision = excluded.revision, row = excluded.row, db_host = excluded.db_host, db_port = excluded.db_port,
             open_requests = excluded.open_requests, done_requests = excluded.done_requests,
             home_request_id = excluded.home_request_id, wanted = excluded.wanted,
             repair_at = case when excluded.wanted <> coalesce(d.applied, '') then now() end, received_at = now(),
             drift_due_at = case when excluded.done_requests <> d.done_requests then now() else d.drift_due_at end, reseal_at = now()
         where d.revision < excluded.revision
       returning d.repair_at
     ), confirmed as (
       update worker.work_item i set state = 'closed', outcome = 'done', closed_at = now()
       where i.tenant_id = $1 and i.request_id = any ($7) and i.state = 'sent' and exists (select from kept)
       returning i.request_id
     )
     select exists (select from kept where cardinality($6::uuid[]) > 0 or repair_at is not null)
         or exists (select from kept) and exists (
              select from worker.work_item i
              where i.tenant_id = $1 and i.state <> 'closed' and i.request_id not in (select request_id from confirmed)) as work`,
    [
      row.tenant_id,
      row.revision,
      JSON.stringify(row),
      row.db_host,
      row.db_port,
      requestsThatAre('open', row),
      requestsThatAre('done', row),
      row.home_request_id,
      wanted === null ? null : fingerprintOf(wanted),
    ],
  );
  return result.rows[0]?.work === true;
}

const requestsThatAre = (outcome: 'open' | 'done', { requests }: DirectoryRow): string[] =>
  Object.values(requests).flatMap((request) => (request?.outcome === outcome ? [request.id] : []));
