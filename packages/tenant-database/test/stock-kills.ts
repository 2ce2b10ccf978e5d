import { generatePassword } from '@ultracore/credentials';
import { expect } from 'vitest';
import {
  ADMIN_DATABASE,
  type ClaimOutcome,
  claimStockHome,
  type Connect,
  createSchema,
  type Home,
  homeNames,
  listHomes,
  listStock,
  makeStockHome,
  newStockId,
  removeStockHome,
  SHARED_DATABASE,
  stockFingerprint,
  type StockHome,
  type StockTier,
  undoHome,
  withConnection,
} from '../src/index.ts';
import { type Bench, makeHome, newHome } from './homes.ts';
import { type Cut, cutting, proveWhole } from './kills.ts';

export const newStock = (bench: Pick<Bench, 'migrations'>, tier: StockTier): StockHome => ({
  stockId: newStockId(),
  tier,
  fingerprint: stockFingerprint(bench.migrations),
});

export async function stocked(bench: Bench, tier: StockTier): Promise<StockHome> {
  const stock = newStock(bench, tier);
  await makeStockHome(bench.admin, stock, bench);
  return stock;
}

/** What a worker does with a home in stock, but for its own bookkeeping. */
export async function claim(connect: Connect, home: Home, stock: StockHome): Promise<ClaimOutcome> {
  const database = stock.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE;
  const outcome = await withConnection(connect, database, (admin) => claimStockHome(admin, home, stock));
  if (outcome === 'claimed') {
    await withConnection(connect, homeNames(home.tenantId, home.tier).database, (own) => createSchema(own, home));
  }
  return outcome;
}

export type StockCourse = 'making' | 'claim' | 'removal';

const COURSES: Readonly<Record<StockCourse, (bench: Bench, cut: Connect, stock: StockHome, home: Home) => Promise<unknown>>> = {
  making: (bench, cut, stock) => makeStockHome(cut, stock, bench),
  claim: async (bench, cut, stock, home) => {
    await makeStockHome(bench.admin, stock, bench);
    return claim(cut, home, stock);
  },
  removal: async (bench, cut, stock) => {
    await makeStockHome(bench.admin, stock, bench);
    return removeStockHome(cut, stock.stockId);
  },
};

/** How many statements a course sends when nothing disturbs it. */
export async function statementsOfStock(bench: Bench, tier: StockTier, course: StockCourse): Promise<number> {
  const [stock, home] = [newStock(bench, tier), newHome(tier, 'whole')];
  const { connect, sent } = cutting(bench, undefined);
  await COURSES[course](bench, connect, stock, home);
  await undoHome(bench.admin, home, { creationRecorded: true });
  await removeStockHome(bench.admin, stock.stockId);
  return sent();
}

/**
 * Cuts a course off once. A home half made is not taken for a ready one, and goes; one half claimed becomes, when it is tried again, a
 * home that is whole, usable and fit, or is undone. Returns the objects that are left after all.
 */
export async function proveStockCut(bench: Bench, tier: StockTier, course: StockCourse, cut: Cut): Promise<string[]> {
  const left: string[] = [];
  for (const next of course === 'claim' ? (['again', 'undo'] as const) : (['remove'] as const)) {
    const [stock, home] = [newStock(bench, tier), newHome(tier, 'cut')];
    await expect(COURSES[course](bench, cutting(bench, cut).connect, stock, home)).rejects.toThrow(/cut off|connection error/);
    if (next === 'again') {
      expect(await claim(bench.admin, home, stock)).toBe('claimed');
      await proveWhole(bench, home);
    }
    if (course === 'making' && (await readyIn(bench)).has(stock.stockId)) {
      expect(await claim(bench.admin, home, stock)).toBe('claimed');
      await makeHome(bench, bench.admin, home, { readWrite: generatePassword(), readOnly: generatePassword() });
    }
    await undoHome(bench.admin, home, { creationRecorded: true });
    await removeStockHome(bench.admin, stock.stockId);
    const [homes, stockLeft] = await withConnection(bench.admin, SHARED_DATABASE, async (shared) => [
      await listHomes(shared),
      await listStock(shared),
    ]);
    left.push(...homes.map(({ name }) => name).filter((name) => name.includes(home.tenantId.replaceAll('-', '_'))));
    left.push(...stockLeft.map(({ stockId }) => stockId).filter((id) => id === stock.stockId));
  }
  return left;
}

/** Ids of the homes in stock that carry their tag. */
export async function readyIn(bench: Bench): Promise<Set<string>> {
  const all = await withConnection(bench.admin, SHARED_DATABASE, listStock);
  return new Set(all.filter(({ fingerprint }) => fingerprint !== undefined).map(({ stockId }) => stockId));
}
