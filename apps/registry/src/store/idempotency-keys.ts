import type { Pool } from 'pg';

/** For how long a key is remembered. */
const KEPT_FOR = '24 hours';

export interface KeyedRequest {
  readonly principal: string;
  readonly route: string;
  readonly key: string;
  /** SHA-256 of what was asked. */
  readonly fingerprint: Buffer;
  readonly tenantId: string;
}

export interface RememberedRequest {
  /** Nothing was asked under this key in the last day. */
  readonly first: boolean;
  /** Whether what was asked under this key is what is asked now. */
  readonly same: boolean;
  /** The tenant that the key stands for. */
  readonly tenantId: string;
}

/** Remembers what is asked under a key, or says what was. Of two at once, one is first. */
export async function rememberRequest(pool: Pool, request: KeyedRequest): Promise<RememberedRequest> {
  const { principal, route, key, fingerprint, tenantId } = request;
  const result = await pool.query<{ fingerprint: Buffer; tenant_id: string; first: boolean }>({
    name: 'remember_request',
    text: `
      insert into idempotency_keys as known (principal, route, key, fingerprint, tenant_id) values ($1, $2, $3, $4, $5)
      on conflict (principal, route, key) do update set
        fingerprint = case when known.created_at < now() - interval '${KEPT_FOR}' then excluded.fingerprint else known.fingerprint end,
        tenant_id = case when known.created_at < now() - interval '${KEPT_FOR}' then excluded.tenant_id else known.tenant_id end,
        created_at = case when known.created_at < now() - interval '${KEPT_FOR}' then now() else known.created_at end
      returning fingerprint, tenant_id, xmax = 0 as first`,
    values: [principal, route, key, fingerprint, tenantId],
  });
  const [row] = result.rows;
  if (!row) throw new TypeError('insert … on conflict do update … returning gave no row');
  return { first: row.first, same: row.fingerprint.equals(fingerprint), tenantId: row.tenant_id };
}

/** Forgets keys older than a day; the number of those forgotten. */
export async function forgetOldRequests(pool: Pool): Promise<number> {
  const result = await pool.query(`delete from idempotency_keys where created_at < now() - interval '${KEPT_FOR}'`);
  return result.rowCount ?? 0;
}
