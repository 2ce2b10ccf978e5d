import { ADMIN_DATABASE, claimStockHome, SHARED_DATABASE, type StockHome, type StockTier } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import type { StockSizes } from '../../provisioning/stock/tidy.ts';
import { troubleOf } from '../../provisioning/trouble.ts';
import {
  forgetStockHomes,
  giveBackStockHome,
  rememberStockVersion,
  reserveStockHome,
  withdrawClaimed,
} from '../../store/stock.ts';
import type { EffectContext } from '../effects/effect.ts';
import { BookkeepingError, inBookkeeping } from '../judge.ts';
import { LeaseLostError } from '../sessions.ts';
import type { Logger } from '../under-lease.ts';
import type { RecipeOf } from './recipe.ts';

/** `none`: there was none. `unusable`: there was one that could not be had; the creation goes cold all the same. */
export type ClaimResult = 'claimed' | 'none' | 'unusable';

export interface ClaimFromStockOptions {
  readonly pool: Pool;
  readonly sizes: StockSizes;
  readonly recipeOf: RecipeOf;
  readonly logger: Logger;
  readonly onResult: (server: string, tier: StockTier, result: ClaimResult) => void;
}

/** Takes what the stock has for a creation: true when the home is there. */
export type ClaimFromStock = (context: EffectContext) => Promise<boolean>;

const TRIES = 2;

/**
 * Makes a home in stock the tenant's, if there is one; where there is none, or it cannot be had at once, the creation makes its own.
 *
 * A home is first given to the request in the bookkeeping and then renamed on its server in one transaction. A worker killed in between
 * leaves it given to this request, which finds it again; nobody else gets it. One killed after it leaves the tenant's home
 * under its names, with its comment, as a cold creation would have.
 */
export function createClaimFromStock(options: ClaimFromStockOptions): ClaimFromStock {
  const { pool, sizes, recipeOf, logger, onResult } = options;

  /** Undefined when something has the tenant's names already: an earlier try of this creation, or somebody else. */
  async function claim(context: EffectContext, tier: StockTier, fingerprint: string): Promise<ClaimResult | undefined> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { item, server } = context;
      const stockId = await inBookkeeping(reserveStockHome(pool, item.requestId, { server, tier, fingerprint }));
      if (stockId === undefined) return attempt === 1 ? 'none' : 'unusable';
      context.onBoundary('home:reserved');
      const outcome = await rename(context, { stockId, tier, fingerprint });
      switch (outcome) {
        case 'claimed':
          context.onBoundary('home:renamed');
          await inBookkeeping(forgetStockHomes(pool, [stockId]));
          return 'claimed';
        case 'occupied':
          await inBookkeeping(giveBackStockHome(pool, stockId));
          return undefined;
        case 'gone':
          await inBookkeeping(forgetStockHomes(pool, [stockId]));
          break;
        case 'unfit':
        case 'in_use':
        case 'refused':
          await inBookkeeping(withdrawClaimed(pool, stockId));
          break;
        default:
          outcome satisfies never;
      }
    }
    return 'unusable';
  }

  async function rename({ home, sessions, item }: EffectContext, stock: StockHome) {
    const session = await sessions.get(stock.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
    try {
      return await claimStockHome(session, home, stock);
    } catch (error) {
      const { kind, code, reason } = troubleOf(error);
      // Whether it was renamed is not known, or the server has no room for a cold creation either: the step is repeated.
      if (kind === 'server' || kind === 'passing') throw error;
      if (error instanceof LeaseLostError || error instanceof BookkeepingError) throw error;
      const named = { tenant_id: home.tenantId, request_id: item.requestId, stock_id: stock.stockId };
      logger.warn({ ...named, code, reason }, 'a home in stock could not be claimed');
      return 'refused';
    }
  }

  return async (context) => {
    const { tier } = context.home;
    if (tier === 'small' || sizes[tier] === 0) return false;
    const version = context.row.target_migration_version;
    const recipe = recipeOf(version);
    if (recipe === undefined) return false;
    await inBookkeeping(rememberStockVersion(pool, tier, version));
    const result = await claim(context, tier, recipe.fingerprint);
    if (result !== undefined) onResult(context.server.name, tier, result);
    return result === 'claimed';
  };
}
