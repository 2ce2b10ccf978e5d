import type { Queryable } from '@ultracore/postgres';

/** A tenant that the relay passes over. */
export interface ParkedTenant {
  readonly tenantId: string;
  /** Of the first event that is not published. */
  readonly revision: bigint;
  readonly reason: string;
}

/** Of a tenant that is parked already the earlier revision stays. */
export async function parkTenant(client: Queryable, { tenantId, revision, reason }: ParkedTenant): Promise<void> {
  await client.query(
    'insert into relay_parked (tenant_id, revision, reason) values ($1, $2, $3) on conflict (tenant_id) do nothing',
    [tenantId, revision.toString(), reason],
  );
}

export async function parkedTenants(client: Queryable): Promise<ParkedTenant[]> {
  const result = await client.query<{ tenant_id: string; revision: string; reason: string }>(
    'select tenant_id, revision, reason from relay_parked order by tenant_id',
  );
  return result.rows.map((row) => ({ tenantId: row.tenant_id, revision: BigInt(row.revision), reason: row.reason }));
}

export async function unparkTenant(client: Queryable, tenantId: string): Promise<void> {
  await client.query('delete from relay_parked where tenant_id = $1', [tenantId]);
}
