import type { Queryable } from '@ultracore/postgres';
import type { StockHome, StockTier } from '@ultracore/tenant-database';
import type { RecordedStockHome } from '../provisioning/stock/tidy.ts';
import { takeLeases, type TenantLease } from './leases.ts';
import type { Server } from './work.ts';

/**
 * The right to make and remove homes in stock on one server, or undefined while somebody else has it. A lease like a tenant's, under a
 * name that no tenant has.
 */
export async function leaseStock(
  client: Queryable,
  { server, holder, ttlMs }: { server: Server; holder: number; ttlMs: number },
): Promise<TenantLease | undefined> {
  const result = await client.query<{ tenant_id: string; token: string; to_end: string[] }>(
    `with due as (select 'stock__' || $1 || ':' || $2::integer as tenant_id)
     ${takeLeases('$3', '$4')}`,
    [server.host, server.port, holder, ttlMs],
  );
  const [row] = result.rows;
  return row && { tenantId: row.tenant_id, token: row.token, toEnd: row.to_end };
}

/** Up to which version of the migrations homes are wanted in stock; null for all of them. */
export async function readStockVersions(client: Queryable): Promise<Readonly<Record<StockTier, string | null>>> {
  const { rows } = await client.query<{ tier: StockTier; version: string | null }>(
    'select tier, version from worker.stock_version',
  );
  return { enterprise: null, standard: null, ...Object.fromEntries(rows.map(({ tier, version }) => [tier, version])) };
}

/** The next creation will most likely ask for the same. */
export async function rememberStockVersion(client: Queryable, tier: StockTier, version: string | null): Promise<void> {
  await client.query(
    `insert into worker.stock_version (tier, version)
     select $1, $2::text where not exists (select from worker.stock_version where tier = $1 and version is not distinct from $2::text)
     on conflict (tier) do update set version = excluded.version`,
    [tier, version],
  );
}

/** Before anything of the home is made. */
export async function recordMaking(client: Queryable, server: Server, { stockId, tier, fingerprint }: StockHome): Promise<void> {
  await client.query(
    'insert into worker.stock_home (stock_id, tier, db_host, db_port, fingerprint) values ($1, $2, $3, $4, $5)',
    [stockId, tier, server.host, server.port, fingerprint],
  );
}

/** The home is whole and has its tag: from here on it may be claimed. */
export async function recordReady(client: Queryable, stockId: string): Promise<void> {
  await client.query("update worker.stock_home set state = 'ready' where stock_id = $1 and state = 'making'", [stockId]);
}

/** How many homes of each tier can be claimed. */
export async function countReady(
  client: Queryable,
  server: Server,
  fingerprints: Readonly<Record<StockTier, string>>,
): Promise<Readonly<Record<StockTier, number>>> {
  const result = await client.query<Record<StockTier, number>>(
    `select count(*) filter (where tier = 'enterprise' and fingerprint = $3)::int as enterprise,
            count(*) filter (where tier = 'standard' and fingerprint = $4)::int as standard
     from worker.stock_home where db_host = $1 and db_port = $2 and state = 'ready'`,
    [server.host, server.port, fingerprints.enterprise, fingerprints.standard],
  );
  return result.rows[0] ?? { enterprise: 0, standard: 0 };
}

/** Whether a creation on the server could go on now, or is under way: the stock is filled up when there is none. */
export async function isCreating(client: Queryable, server: Server): Promise<boolean> {
  const result = await client.query(
    `select from worker.work_item i join worker.directory_row d on d.tenant_id = i.tenant_id
     where i.state in ('open', 'undo') and i.kind = 'provision' and i.due_at <= clock_timestamp()
       and d.revision >= i.revision and d.revision > coalesce(i.waits_beyond, -1) and d.db_host = $1 and d.db_port = $2
     limit 1`,
    [server.host, server.port],
  );
  return result.rowCount === 1;
}

/**
 * Gives a request a home in stock: the one it was given before, else the oldest that is ready. Two requests never get the same: what
 * one has in hand the other skips. Undefined when there is none.
 */
export async function reserveStockHome(
  client: Queryable,
  requestId: string,
  { server, tier, fingerprint }: { server: Server; tier: StockTier; fingerprint: string },
): Promise<string | undefined> {
  const result = await client.query<{ stock_id: string }>(
    `with mine as materialized (select stock_id from worker.stock_home where request_id = $1),
     next as materialized (
       select stock_id from worker.stock_home
       where not exists (select from mine) and state = 'ready' and tier = $2 and fingerprint = $3 and db_host = $4 and db_port = $5
       order by recorded_at limit 1 for update skip locked
     ), taken as (
       update worker.stock_home s set state = 'claimed', request_id = $1 from next where s.stock_id = next.stock_id returning s.stock_id
     )
     select stock_id from mine union all select stock_id from taken`,
    [requestId, tier, fingerprint, server.host, server.port],
  );
  return result.rows[0]?.stock_id;
}

/** A request needs the home no more that it was given, and nothing was done to it. */
export async function giveBackStockHome(client: Queryable, stockId: string): Promise<void> {
  await client.query(
    "update worker.stock_home set state = 'ready', request_id = null where stock_id = $1 and state = 'claimed'",
    [stockId],
  );
}

/** The home is a tenant's, or gone. */
export async function forgetStockHomes(client: Queryable, stockIds: readonly string[]): Promise<void> {
  await client.query('delete from worker.stock_home where stock_id = any ($1)', [stockIds]);
}

/** The home that a request could not take as it was: nobody gets it, and it is removed. */
export async function withdrawClaimed(client: Queryable, stockId: string): Promise<void> {
  await client.query(
    "update worker.stock_home set state = 'withdrawn', request_id = null where stock_id = $1 and state = 'claimed'",
    [stockId],
  );
}

/** Given to a request that does not need it any more: its home is there, or never will be. */
const SETTLED = `not exists (
  select from worker.work_item i where i.request_id = s.request_id and i.state <> 'closed'
     and not exists (select from worker.step t where t.request_id = i.request_id and t.step = 'home'))`;

/** Everything that is known of a server's stock, newest first. */
export async function readStock(client: Queryable, server: Server): Promise<RecordedStockHome[]> {
  const result = await client.query<RecordedStockHome>(
    `select stock_id as "stockId", tier, fingerprint, state, state = 'claimed' and ${SETTLED} as settled,
            (extract(epoch from clock_timestamp() - recorded_at) * 1000)::float8 as "ageMs"
     from worker.stock_home s where db_host = $1 and db_port = $2 order by recorded_at desc, stock_id`,
    [server.host, server.port],
  );
  return result.rows;
}

/** Takes homes out of the stock before they are removed; answers those that a request has been given meanwhile: they stay. */
export async function withdrawStockHomes(client: Queryable, stockIds: readonly string[]): Promise<Set<string>> {
  await client.query(
    `update worker.stock_home s set state = 'withdrawn', request_id = null
     where stock_id = any ($1) and (state in ('making', 'ready') or state = 'claimed' and ${SETTLED})`,
    [stockIds],
  );
  const result = await client.query<{ stock_id: string }>(
    "select stock_id from worker.stock_home where stock_id = any ($1) and state <> 'withdrawn'",
    [stockIds],
  );
  return new Set(result.rows.map(({ stock_id }) => stock_id));
}
