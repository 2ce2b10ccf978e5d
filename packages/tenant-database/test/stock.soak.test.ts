import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, startBench } from './homes.ts';
import { proveStockCut, statementsOfStock } from './stock-kills.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

describe.each(['enterprise', 'standard'] as const)(
  'with the admin’s session ended at any statement, a home of tier %s',
  (tier) => {
    it.each(['making', 'claim', 'removal'] as const)('loses nothing and leaves nothing: %s', async (course) => {
      const statements = await statementsOfStock(bench, tier, course);
      expect(statements).toBeGreaterThanOrEqual(2);
      for (let statement = 1; statement <= statements; statement += 1) {
        for (const when of ['before', 'after'] as const) {
          expect([statement, when, await proveStockCut(bench, tier, course, { statement, when })]).toEqual([statement, when, []]);
        }
      }
    });
  },
);
