import type { Pool } from 'pg';

/** What tenants can be waiting for. */
export type Waiting = 'purge_from' | 'password_since';

/** What keeps back a tenant that has waited for long enough: were it listed, it would stand before others that can be asked. */
const MAY_BE_ASKED: Readonly<Record<Waiting, string>> = {
  purge_from: 'true',
  password_since: '(rotate_not_before is null or rotate_not_before <= now())',
};

/**
 * Ids of tenants that have been waiting since `until` or before, those that have waited longest first, at most `limit`. As of the last
 * projection: whether it is still so is for the stream to say.
 */
export async function tenantsWaiting(
  pool: Pool,
  { what, until, limit }: { readonly what: Waiting; readonly until: Date; readonly limit: number },
): Promise<string[]> {
  const result = await pool.query<{ tenant_id: string }>(
    `select tenant_id from tenant_revisions where ${what} <= $1 and ${MAY_BE_ASKED[what]} order by ${what}, tenant_id limit $2`,
    [until, limit],
  );
  return result.rows.map((row) => row.tenant_id);
}
