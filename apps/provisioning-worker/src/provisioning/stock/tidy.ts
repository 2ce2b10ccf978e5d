import type { ListedStockHome, StockHome, StockTier } from '@ultracore/tenant-database';

/** How many homes of each tier are to be ready on each server. */
export type StockSizes = Readonly<Record<StockTier, number>>;

/** A home in stock as the bookkeeping has it. */
export interface RecordedStockHome extends StockHome {
  /** `claimed`: given to a request. `withdrawn`: to be removed. */
  readonly state: 'making' | 'ready' | 'claimed' | 'withdrawn';
  /** Whether the request that it was given to needs it no more. */
  readonly settled: boolean;
  /** Since it was recorded. */
  readonly ageMs: number;
}

/**
 * How long a ready home is kept that is made of other migrations: a worker of another version may run beside this one, and would make
 * anew what this one removes.
 */
export const KEPT_FOR_OTHERS_MS = 3_600_000;

/** What a worker wants in stock, made of what. */
export interface WantedStock {
  readonly fingerprints: Readonly<Record<StockTier, string>>;
  readonly sizes: StockSizes;
  readonly keptForOthersMs: number;
}

/**
 * The homes in stock that are to be removed: half made by a worker that is gone, made of other migrations long ago, withdrawn, more
 * than wanted, or known to nobody. Pure. Holds only while nobody makes any, and if what the server has was read **before** the
 * bookkeeping: what is recorded then was either found, or is lost. `recorded` is newest first.
 */
export const stockToRemove = (
  found: readonly ListedStockHome[],
  recorded: readonly RecordedStockHome[],
  wanted: WantedStock,
): string[] => {
  const known = new Set(recorded.map(({ stockId }) => stockId));
  const tags = new Map(found.map(({ stockId, fingerprint }) => [stockId, fingerprint]));
  const left = { ...wanted.sizes };
  const isWanted = ({ stockId, tier, fingerprint, state, settled, ageMs }: RecordedStockHome): boolean => {
    if (state === 'claimed') return !settled;
    if (state !== 'ready' || tags.get(stockId) !== fingerprint || wanted.sizes[tier] === 0) return false;
    if (fingerprint !== wanted.fingerprints[tier]) return ageMs < wanted.keptForOthersMs;
    if (left[tier] === 0) return false;
    left[tier] -= 1;
    return true;
  };
  return [
    ...recorded.filter((home) => !isWanted(home)).map(({ stockId }) => stockId),
    ...found.filter(({ stockId }) => !known.has(stockId)).map(({ stockId }) => stockId),
  ];
};

/** The tier of which most is missing, or undefined when nothing is. */
export const tierToMake = (ready: StockSizes, sizes: StockSizes): StockTier | undefined => {
  const missing = { enterprise: sizes.enterprise - ready.enterprise, standard: sizes.standard - ready.standard };
  if (missing.enterprise <= 0 && missing.standard <= 0) return undefined;
  return missing.enterprise > missing.standard ? 'enterprise' : 'standard';
};
