import type { StockTier } from '@ultracore/tenant-database';
import { expect } from 'vitest';
import { STOCK_BOUNDARIES } from '../../src/provisioning/boundaries.ts';
import { createActiveTenant } from './active-tenant.ts';
import { idOf } from './crash.ts';
import { asTenant, objectsOf, wholeHome } from './homes.ts';
import { playRegistry } from './registry.ts';
import { createRig, type HomeServer } from './rig.ts';
import { spawnWorker } from './spawn-child.ts';
import { cameFromStock, sizesOf, untilStocked } from './stock.ts';
import { toldFacts } from './told.ts';

const DEADLINE_MS = 45_000;
const OFTEN = { reconcileEveryMs: 200 };

/** What the worker is at, and the proof that the next one makes it good. */
type StockKill = readonly [what: string, prove: (server: HomeServer) => Promise<void>];

/** A kill at every boundary of making, claiming and removing a home in stock. */
export const STOCK_KILLS: readonly StockKill[] = (['enterprise', 'standard'] as const).flatMap((tier) => [
  ...STOCK_BOUNDARIES.making[tier].map((at): StockKill => [
    `putting a home in stock, ${tier}, ${at}`,
    (server) => stockDespiteKillAt(server, tier, at),
  ]),
  ...STOCK_BOUNDARIES.claim.flatMap((at) =>
    [0, 1].map((size): StockKill => [
      `claiming a home, ${tier}, ${at}, followed by one with a stock of ${size}`,
      (server) => claimDespiteKillAt(server, tier, at, size),
    ]),
  ),
  ...STOCK_BOUNDARIES.removal.map((at): StockKill => [
    `removing a home from stock, ${tier}, ${at}`,
    (server) => removeStockDespiteKillAt(server, tier, at),
  ]),
]);

/** A worker dies at a boundary of putting a home in stock; another fills the stock with whole ones, and a tenant lives in one. */
async function stockDespiteKillAt(server: HomeServer, tier: StockTier, boundary: string): Promise<void> {
  await using rig = await createRig(server.postgres);
  const sizes = sizesOf(tier, 1);
  await using child = await spawnWorker(rig, [server], { at: boundary, stock: sizes });
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  await rig.worker([server], { stock: sizes });
  await untilStocked(rig, server, sizes);
  const registry = await createActiveTenant(rig, server, idOf('s', tier, boundary), tier);
  expect(await cameFromStock(rig, registry.tenantId)).toBe(true);
}

/**
 * A worker dies while it claims a home in stock; another, which has a stock or none, completes the creation, and no home in
 * stock is lost, left behind or given out twice.
 */
async function claimDespiteKillAt(server: HomeServer, tier: StockTier, boundary: string, size: number): Promise<void> {
  await using rig = await createRig(server.postgres);
  const before = await rig.worker([server], { stock: sizesOf(tier, 1) });
  const [stockId] = await untilStocked(rig, server, sizesOf(tier, 1));
  await before.stop();
  const registry = playRegistry(rig.pool, server, `${idOf('c', tier, boundary)}-${size}`, tier);
  await using child = await spawnWorker(rig, [server], { at: boundary, stock: sizesOf(tier, 1) });
  await registry.create();
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server], { stock: sizesOf(tier, size), ...OFTEN });
  expect(await registry.answer(DEADLINE_MS)).toBe('active');
  await registry.untilClosed();
  expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
  for (const login of ['readwrite', 'readonly'] as const) {
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one', login)).toEqual([{ one: 1 }]);
  }
  const types = (await toldFacts(rig.pool, registry.tenantId)).map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
  expect(await untilStocked(rig, server, sizesOf(tier, size))).not.toContain(stockId);
}

/** A worker dies while it removes what is not wanted in stock; another leaves nothing of it. */
async function removeStockDespiteKillAt(server: HomeServer, tier: StockTier, boundary: string): Promise<void> {
  await using rig = await createRig(server.postgres);
  const before = await rig.worker([server], { stock: sizesOf(tier, 1) });
  await untilStocked(rig, server, sizesOf(tier, 1));
  await before.stop();
  await using child = await spawnWorker(rig, [server], { at: boundary, ...OFTEN });
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  await rig.worker([server], OFTEN);
  await untilStocked(rig, server, sizesOf(tier, 0));
}
