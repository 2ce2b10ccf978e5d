import type { Queryable } from '@ultracore/postgres';

/** What step `close` left behind in the earlier purges of a tenant's present life that did not succeed, oldest first. */
export async function readEarlierInventories(
  client: Queryable,
  { tenantId, revision }: { tenantId: string; revision: number },
): Promise<unknown[]> {
  const { rows } = await client.query<{ result: unknown }>(
    `select s.result from worker.work_item i join worker.step s on s.request_id = i.request_id and s.step = 'close'
     where i.tenant_id = $1 and i.kind = 'purge' and i.revision < $2
       and i.revision > coalesce((select max(revision) from worker.work_item
                                  where tenant_id = $1 and kind = 'provision' and revision < $2), -1)
     order by i.revision`,
    [tenantId, revision],
  );
  return rows.map(({ result }) => result);
}
