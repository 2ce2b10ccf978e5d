import type { Queryable } from '@ultracore/postgres';
import type { LeasedItem } from './work.ts';

/** Deletes every sealed credential of the leased tenant. */
export async function forgetCredentials(client: Queryable, { tenantId, token }: LeasedItem): Promise<void> {
  await client.query(
    `delete from worker.sealed_credential c using worker.work_item i
     where i.tenant_id = $1 and c.request_id = i.request_id
       and exists (select from worker.tenant_lease where tenant_id = $1 and token = $2 and expires_at > clock_timestamp())`,
    [tenantId, token],
  );
}

/** How many sealed credentials of a tenant are kept. */
export async function countCredentials(client: Queryable, tenantId: string): Promise<number> {
  const result = await client.query<{ count: number }>(
    `select count(*)::integer as count from worker.sealed_credential c
     join worker.work_item i on i.request_id = c.request_id where i.tenant_id = $1`,
    [tenantId],
  );
  return result.rows[0]?.count ?? 0;
}
