import type { Queryable } from '@ultracore/postgres';
import { takeLeases } from './leases.ts';
import type { SealedCredential } from './work.ts';

export interface SealedByKey {
  readonly keyId: string;
  /** Login pairs. */
  readonly credentials: number;
  /** One of their sealed texts. */
  readonly sample: string;
}

/** Sealed, and not in a row of the directory yet. */
const UNANNOUNCED = `select c.key_id, c.db_password_encrypted as sealed from worker.sealed_credential c
  join worker.work_item i on i.request_id = c.request_id
  left join worker.directory_row d on d.tenant_id = i.tenant_id
  where i.state = 'open' and c.request_id::text is distinct from d.row #>> '{credential,request_id}'
    and c.request_id::text is distinct from d.row #>> '{next_credential,request_id}'`;

/** Every credential that is in force or is to be, by the key and the check in its text. */
export async function sealedByKey(client: Queryable): Promise<SealedByKey[]> {
  const result = await client.query<SealedByKey>(
    `select split_part(sealed, '.', 2) as "keyId", count(*)::integer as credentials, min(sealed) as sample
     from (select row #>> '{credential,db_password_encrypted}' as sealed from worker.directory_row where key_id is not null
           union all select row #>> '{next_credential,db_password_encrypted}' from worker.directory_row where next_key_id is not null
           union all select sealed from (${UNANNOUNCED}) u) s
     group by split_part(sealed, '.', 2), split_part(sealed, '.', 3) order by 1, 2`,
  );
  return result.rows;
}

/** How many credentials are sealed with each key, by what the directory says of them: cheap. */
export async function countByKey(client: Queryable): Promise<Map<string, number>> {
  const result = await client.query<{ key_id: string; credentials: number }>(
    `select key_id, count(*)::integer as credentials
     from (select key_id from worker.directory_row where key_id is not null
           union all select next_key_id from worker.directory_row where next_key_id is not null
           union all select key_id from (${UNANNOUNCED}) u) s
     group by key_id`,
  );
  return new Map(result.rows.map(({ key_id, credentials }) => [key_id, credentials]));
}

/** A credential in force that is to be sealed with another key, under a lease of its tenant. */
export interface ToReseal {
  readonly tenantId: string;
  readonly token: string;
  /** The request that had it issued. */
  readonly requestId: string;
  readonly sealed: SealedCredential;
}

/** What was told and is not in the directory yet is told again after this time. */
const TELL_AGAIN_S = 30;

/**
 * Leases up to `limit` tenants that nobody has in hand and whose credential in force is sealed with one of the keys. Nothing is done on
 * their Postgres servers: one that is down keeps no key in use, and sessions of earlier holders are left for the next one to end.
 */
export async function leaseToReseal(
  client: Queryable,
  { keyIds, holder, ttlMs, limit }: { keyIds: readonly string[]; holder: number; ttlMs: number; limit: number },
): Promise<ToReseal[]> {
  const result = await client.query<{ tenant_id: string; token: string; request_id: string; sealed: SealedCredential }>(
    `with due as materialized (
       select d.tenant_id from worker.directory_row d
       where d.key_id = any($1) and d.reseal_at <= clock_timestamp() and d.wanted is not null
         and exists (select from worker.work_item i where i.request_id = (d.row #>> '{credential,request_id}')::uuid)
         and not exists (select from worker.work_item i where i.tenant_id = d.tenant_id and i.kind = 'purge' and i.state <> 'closed')
         and not exists (select from worker.tenant_lease l where l.tenant_id = d.tenant_id and l.expires_at > clock_timestamp())
       order by d.reseal_at limit $4 for update of d skip locked
     ), leased as (
       ${takeLeases('$2', '$3')}
     )
     update worker.directory_row d set reseal_at = clock_timestamp() + ${TELL_AGAIN_S} * interval '1 second'
     from leased where leased.tenant_id = d.tenant_id
     returning d.tenant_id, leased.token, d.row #>> '{credential,request_id}' as request_id,
               (d.row->'credential') - 'request_id' as sealed`,
    [keyIds, holder, ttlMs, limit],
  );
  return result.rows.map(({ tenant_id: tenantId, token, request_id: requestId, sealed }) => ({
    tenantId,
    token,
    requestId,
    sealed,
  }));
}

/**
 * Keeps credentials as they are sealed now, those whose lease is still held; what was sealed with that key before stays. Answers what
 * is kept of each request under that key.
 */
export async function fixResealed(
  client: Queryable,
  keyId: string,
  resealed: readonly ToReseal[],
): Promise<Map<string, SealedCredential>> {
  const rows = resealed.map(({ tenantId, token, requestId, sealed }) => ({
    tenant_id: tenantId,
    token,
    request_id: requestId,
    ...sealed,
  }));
  await client.query(
    `insert into worker.sealed_credential as c
       (request_id, db_username, db_password_encrypted, readonly_db_username, readonly_db_password_encrypted, encryption_algorithm, key_id)
     select g.request_id, g.db_username, g.db_password_encrypted, g.readonly_db_username, g.readonly_db_password_encrypted,
            g.encryption_algorithm, g.key_id
     from jsonb_to_recordset($1) as g (tenant_id text, token bigint, request_id uuid, db_username text, db_password_encrypted text,
            readonly_db_username text, readonly_db_password_encrypted text, encryption_algorithm text, key_id text)
     join worker.tenant_lease l on l.tenant_id = g.tenant_id and l.token = g.token and l.expires_at > clock_timestamp()
     on conflict (request_id) do update
       set db_password_encrypted = excluded.db_password_encrypted,
           readonly_db_password_encrypted = excluded.readonly_db_password_encrypted,
           encryption_algorithm = excluded.encryption_algorithm, key_id = excluded.key_id, sealed_at = now()
       where c.key_id <> excluded.key_id`,
    [JSON.stringify(rows)],
  );
  const result = await client.query<{ request_id: string; sealed: SealedCredential }>(
    `select request_id, to_jsonb(c) - 'request_id' - 'sealed_at' as sealed from worker.sealed_credential c
     where request_id = any($1) and key_id = $2`,
    [resealed.map(({ requestId }) => requestId), keyId],
  );
  return new Map(result.rows.map(({ request_id, sealed }) => [request_id, sealed]));
}

/** Deletes what earlier rotations and creations left sealed with these keys: nothing uses it any more. Answers how many. */
export async function forgetSuperseded(client: Queryable, keyIds: readonly string[]): Promise<number> {
  const result = await client.query(
    `delete from worker.sealed_credential c using worker.work_item i, worker.directory_row d
     where c.key_id = any($1) and i.request_id = c.request_id and i.state = 'closed' and d.tenant_id = i.tenant_id
       and c.request_id::text is distinct from d.row #>> '{credential,request_id}'
       and c.request_id::text is distinct from d.row #>> '{next_credential,request_id}'`,
    [keyIds],
  );
  return result.rowCount ?? 0;
}
