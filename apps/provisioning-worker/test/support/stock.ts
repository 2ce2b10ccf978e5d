import { listStock, loadMigrations, stockFingerprint, type ListedStockHome, type StockTier } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import type { StockSizes } from '../../src/provisioning/stock/tidy.ts';
import { TENANT_MIGRATIONS, type HomeServer, type Rig } from './rig.ts';

const DEADLINE_MS = 45_000;

export const sizesOf = (tier: StockTier, size: number): StockSizes => ({ enterprise: 0, standard: 0, [tier]: size });

/** What a server has in stock, whole or not. */
export async function stockOf(server: HomeServer): Promise<ListedStockHome[]> {
  const client = new Client({ connectionString: server.postgres.url('ultracore_shared') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await listStock(client);
  } finally {
    await client.end();
  }
}

/** Waits until a server has exactly so many homes in stock, all whole and recorded as ready, and nothing else. Answers their ids. */
export async function untilStocked(
  rig: Rig,
  server: HomeServer,
  sizes: StockSizes,
  migrationsDir = TENANT_MIGRATIONS,
): Promise<string[]> {
  const fingerprint = stockFingerprint(await loadMigrations(migrationsDir));
  const wanted = [
    ...Array.from({ length: sizes.enterprise }, () => 'enterprise'),
    ...Array.from({ length: sizes.standard }, () => 'standard'),
  ];
  return waitFor(
    async () => {
      const { rows } = await rig.pool.query<{ id: string; tier: string; state: string }>(
        'select stock_id as id, tier, state from worker.stock_home order by tier, stock_id',
      );
      const there = await stockOf(server);
      const isWhole =
        JSON.stringify(rows.map(({ tier }) => tier)) === JSON.stringify(wanted) &&
        rows.every(({ state }) => state === 'ready') &&
        there.length === rows.length &&
        rows.every(({ id }) => there.some((home) => home.stockId === id && home.fingerprint === fingerprint));
      return isWhole ? rows.map(({ id }) => id) : undefined;
    },
    { what: `a stock of ${JSON.stringify(sizes)}`, deadlineMs: DEADLINE_MS },
  );
}

/** Whether the creation of a tenant took its home from stock. */
export async function cameFromStock(rig: Rig, tenantId: string): Promise<boolean | undefined> {
  const { rows } = await rig.pool.query<{ stock: boolean | undefined }>(
    `select (s.result->>'stock')::boolean as stock from worker.step s join worker.work_item i using (request_id) where tenant_id = $1 and step = 'home'`,
    [tenantId],
  );
  return rows[0]?.stock;
}
