import type { Migration } from '@ultracore/tenant-database';
import { createTimer } from './inbound/timer.ts';
import type { WorkerMetrics } from './metrics.ts';
import type { PostgresServer } from './outbound/server.ts';
import { createClaimFromStock, type ClaimFromStock } from './outbound/stock/claim-from-stock.ts';
import { createStockKeeper } from './outbound/stock/keeper.ts';
import { createRecipes } from './outbound/stock/recipe.ts';
import type { UnderLeaseOptions } from './outbound/under-lease.ts';
import type { BoundaryName } from './provisioning/boundaries.ts';
import { KEPT_FOR_OTHERS_MS, type StockSizes } from './provisioning/stock/tidy.ts';
import { readStockVersions } from './store/stock.ts';

export interface StockOptions extends UnderLeaseOptions {
  readonly sizes: StockSizes;
  readonly servers: readonly PostgresServer[];
  readonly migrations: readonly Migration[];
  /** How long ready homes stay that are made of other migrations. */
  readonly keptForOthersMs?: number | undefined;
  /** Once aborted nothing more is begun. */
  readonly stopping: AbortSignal;
  readonly leasing: () => { readonly holder: number; readonly ttlMs: number };
  readonly onBoundary: (name: BoundaryName) => void;
  readonly metrics: WorkerMetrics;
}

export interface Stock {
  readonly claim: ClaimFromStock;
  /** Part of the periodic pass: removes what is not wanted in stock, also where none is wanted any more. */
  tidy(server: PostgresServer): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

/** Between two homes put in stock on a server, so that filling it up is never the only thing a server does. */
const PAUSE_MS = 250;

/** Homes made ahead on every server, and given out. */
export function createStock(options: StockOptions): Stock {
  const { sizes, metrics, logger } = options;
  const { recipeOf, whole } = createRecipes(options.migrations);
  const keeper = createStockKeeper({
    ...options,
    async recipes() {
      const { enterprise, standard } = await readStockVersions(options.pool);
      return { enterprise: recipeOf(enterprise) ?? whole, standard: recipeOf(standard) ?? whole };
    },
    keptForOthersMs: options.keptForOthersMs ?? KEPT_FOR_OTHERS_MS,
    onCounted(server, ready) {
      for (const tier of ['enterprise', 'standard'] as const) metrics.stockReady.set({ server, tier }, ready[tier]);
    },
  });
  const claim = createClaimFromStock({
    ...options,
    recipeOf,
    onResult: (server, tier, result) => metrics.stockClaims.inc({ server, tier, result }),
  });
  const isWanted = sizes.enterprise > 0 || sizes.standard > 0;
  const timers = options.servers.map((server) => {
    let tidied = false;
    let failing = false;
    async function pass(): Promise<void> {
      if (server.state !== 'fit' || options.stopping.aborted) return;
      try {
        // What a worker left behind that was here before, at once; from then on with the periodic pass.
        if (!tidied) await keeper.tidy(server);
        tidied = true;
        await keeper.refill(server);
        failing = false;
      } catch (error) {
        // A bookkeeping that is away is told of once, not at every pass.
        if (!failing)
          logger.warn({ err: error, server: server.name }, 'the stock of homes cannot be looked after now; trying again');
        failing = true;
      }
    }
    return createTimer({ everyMs: PAUSE_MS, pass, logger });
  });
  return {
    claim,
    tidy: (server) => keeper.tidy(server),
    start() {
      if (isWanted) for (const timer of timers) timer.start();
    },
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()));
    },
  };
}
