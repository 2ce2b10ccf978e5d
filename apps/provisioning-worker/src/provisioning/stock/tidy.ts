/** Tiers whose homes can be made ahead. */
export type StockTier = 'enterprise' | 'standard';

/** How many homes of each tier are to be ready on each server. */
export type StockSizes = Readonly<Record<StockTier, number>>;

/** A home in stock as the bookkeeping has it. */
export interface RecordedStockHome {
  readonly stockId: string;
  readonly tier: StockTier;
  readonly fingerprint: string;
  /** `claimed`: given to a request. `withdrawn`: to be removed. */
  readonly state: 'making' | 'ready' | 'claimed' | 'withdrawn';
  /** Whether the request that it was given to needs it no more. */
  readonly settled: boolean;
}

/** A home in stock as the server has it. `fingerprint`: of its tag; undefined while it is half made. */
export interface FoundStockHome {
  readonly stockId: string;
  readonly fingerprint: string | undefined;
}

/**
 * The homes in stock that are to be removed: half made by a worker that is gone, made of other migrations, withdrawn, more than
 * wanted, or known to nobody. Pure. Holds only while nobody makes any, and if what the server has was read **before** the
 * bookkeeping: what is recorded then was either found, or is lost. `recorded` is newest first.
 */
export const stockToRemove = (
  found: readonly FoundStockHome[],
  recorded: readonly RecordedStockHome[],
  wanted: { readonly fingerprint: string; readonly sizes: StockSizes },
): string[] => {
  const known = new Set(recorded.map(({ stockId }) => stockId));
  const whole = new Set(found.filter(({ fingerprint }) => fingerprint === wanted.fingerprint).map(({ stockId }) => stockId));
  const left = { ...wanted.sizes };
  const isWanted = ({ stockId, tier, fingerprint, state, settled }: RecordedStockHome): boolean => {
    if (state === 'claimed') return !settled;
    if (state !== 'ready' || fingerprint !== wanted.fingerprint || !whole.has(stockId) || left[tier] === 0) return false;
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
