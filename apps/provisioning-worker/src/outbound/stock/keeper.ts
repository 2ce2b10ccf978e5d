import {
  listStock,
  makeStockHome,
  newStockId,
  removeStockHome,
  SHARED_DATABASE,
  type StockTier,
} from '@ultracore/tenant-database';
import { backoffMs } from '../../provisioning/backoff.ts';
import type { BoundaryName } from '../../provisioning/boundaries.ts';
import { stockToRemove, tierToMake, type StockSizes, type WantedStock } from '../../provisioning/stock/tidy.ts';
import { releaseLease, type TenantLease } from '../../store/leases.ts';
import {
  countReady,
  forgetStockHomes,
  isCreating,
  leaseStock,
  readStock,
  recordMaking,
  recordReady,
  withdrawStockHomes,
} from '../../store/stock.ts';
import { connectUnderLease } from '../effects/connect-under-lease.ts';
import { BookkeepingError, inBookkeeping, judge, type Judged } from '../judge.ts';
import type { PostgresServer } from '../server.ts';
import { LeaseLostError } from '../sessions.ts';
import { judgeTrouble, underLease, type Hand, type UnderLeaseOptions } from '../under-lease.ts';
import type { Recipe, Recipes } from './recipe.ts';
import { tryEach } from './try-each.ts';

export interface StockKeeperOptions extends UnderLeaseOptions, Omit<WantedStock, 'fingerprints'> {
  /** What homes are made of now. */
  readonly recipes: () => Promise<Recipes>;
  /** Once aborted nothing more is begun. */
  readonly stopping: AbortSignal;
  /** For the leases of this worker. */
  readonly leasing: () => { readonly holder: number; readonly ttlMs: number };
  readonly onBoundary: (name: BoundaryName) => void;
  readonly onCounted: (server: string, ready: StockSizes) => void;
}

export interface StockKeeper {
  /** Makes one home if one is missing and no creation waits; nothing while the server has trouble. Never throws for a server's sake. */
  refill(server: PostgresServer): Promise<void>;
  /** Removes what is not wanted in stock. */
  tidy(server: PostgresServer): Promise<void>;
}

/** After a home could not be made, or one not removed, for each server. */
const BACKOFF = { firstMs: 1000, longestMs: 60_000 } as const;

/** Keeps homes ready, one worker at a time on each server, one home at a time. */
export function createStockKeeper(options: StockKeeperOptions): StockKeeper {
  const { pool, sizes, recipes, stopping, onBoundary, logger } = options;
  // Apart: what cannot be removed is no reason to make none.
  const making: Failures = new Map();
  const tidying: Failures = new Map();

  async function refill(server: PostgresServer): Promise<void> {
    const ready = await countReady(pool, server, fingerprintsOf(await recipes()));
    options.onCounted(server.name, ready);
    const tier = tierToMake(ready, sizes);
    if (tier === undefined || rests(making, server) || server.state !== 'fit' || (await isCreating(pool, server))) return;
    await underStockLease(server, making, async (hand) => {
      // Somebody else may have made it before the lease was had.
      const now = await inBookkeeping(recipes());
      const missing = tierToMake(await inBookkeeping(countReady(pool, server, fingerprintsOf(now))), sizes);
      if (missing !== undefined) await make(hand, missing, now[missing]);
    });
  }

  async function make(
    { server, sessions }: Hand<TenantLease>,
    tier: StockTier,
    { migrations, fingerprint }: Recipe,
  ): Promise<void> {
    const began = performance.now();
    const stock = { stockId: newStockId(), tier, fingerprint };
    await inBookkeeping(recordMaking(pool, server, stock));
    onBoundary('stock:recorded');
    const connect = connectUnderLease(sessions);
    try {
      await makeStockHome(connect, stock, { migrations, onPart: (part) => onBoundary(`stock:${part}`) });
    } catch (error) {
      // What is half made takes up room. What cannot be removed now the periodic pass removes.
      if (judge(error).kind !== 'server') await remove(connect, [stock.stockId]).catch(() => undefined);
      throw error;
    }
    onBoundary('stock:tagged');
    await inBookkeeping(recordReady(pool, stock.stockId));
    const ms = Math.round(performance.now() - began);
    logger.debug({ server: server.name, tier, stock_id: stock.stockId, ms }, 'a home was put in stock');
  }

  async function tidy(server: PostgresServer): Promise<void> {
    if (server.state !== 'fit' || rests(tidying, server) || (await unwanted(server)).length === 0) return;
    await underStockLease(server, tidying, async ({ sessions }) => {
      // Read again: now nobody makes any.
      const stockIds = await unwanted(server);
      if (stockIds.length === 0) return;
      await remove(connectUnderLease(sessions), stockIds);
      logger.info({ server: server.name, homes: stockIds.length }, 'homes that are not wanted in stock were removed');
    });
  }

  async function unwanted(server: PostgresServer): Promise<string[]> {
    const connection = await server.connect(SHARED_DATABASE);
    try {
      const found = await listStock(connection.client);
      const fingerprints = fingerprintsOf(await inBookkeeping(recipes()));
      return stockToRemove(found, await inBookkeeping(readStock(pool, server)), { ...options, fingerprints });
    } finally {
      await connection.giveBack();
    }
  }

  async function remove(connect: ReturnType<typeof connectUnderLease>, stockIds: readonly string[]): Promise<void> {
    const kept = await inBookkeeping(withdrawStockHomes(pool, stockIds));
    onBoundary('stock:withdrawn');
    const removable = stockIds.filter((each) => !kept.has(each));
    await tryEach(removable, { stopping, concernsAll }, async (stockId) => {
      await removeStockHome(connect, stockId);
      onBoundary('stock:removed');
      await inBookkeeping(forgetStockHomes(pool, [stockId]));
    });
  }

  async function underStockLease(
    server: PostgresServer,
    failures: Failures,
    work: (hand: Hand<TenantLease>) => Promise<void>,
  ): Promise<void> {
    if (stopping.aborted) return;
    const lease = await leaseStock(pool, { server, ...options.leasing() });
    if (lease === undefined) return;
    await underLease(options, server, lease, async (hand) => {
      try {
        await work(hand);
        failures.delete(server.name);
      } catch (error) {
        const trouble = judgeTrouble(hand, error);
        if (trouble === undefined) return;
        rest(server, failures, trouble);
      }
      await releaseLease(pool, lease);
    });
  }

  function rest(server: PostgresServer, failures: Failures, { code, reason }: Judged): void {
    const count = (failures.get(server.name)?.count ?? 0) + 1;
    failures.set(server.name, { count, until: performance.now() + backoffMs(count, BACKOFF, Math.random()) });
    logger.warn({ server: server.name, code, reason }, 'the stock of homes could not be kept; trying again later');
  }

  return { refill, tidy };
}

const fingerprintsOf = ({ enterprise, standard }: Recipes) => ({
  enterprise: enterprise.fingerprint,
  standard: standard.fingerprint,
});

/** How often in a row something failed on a server, and until when it is left alone. */
type Failures = Map<string, { readonly count: number; readonly until: number }>;

const rests = (failures: Failures, { name }: PostgresServer): boolean => performance.now() < (failures.get(name)?.until ?? 0);

/** Whether what went wrong with one home would go wrong with every other. */
const concernsAll = (error: unknown): boolean =>
  error instanceof LeaseLostError || error instanceof BookkeepingError || judge(error).kind === 'server';
