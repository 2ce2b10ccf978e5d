import { TIERS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, startBench } from './homes.ts';
import { proveCut, statementsOf } from './kills.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

describe.each(TIERS)('with the admin’s session ended at any statement, a home of tier %s', (tier) => {
  it.each(['creation', 'undo'] as const)('loses nothing and leaves nothing: %s', async (course) => {
    const statements = await statementsOf(bench, tier, course);
    expect(statements).toBeGreaterThanOrEqual(5);
    for (let statement = 1; statement <= statements; statement += 1) {
      for (const when of ['before', 'after'] as const) {
        expect([statement, when, await proveCut(bench, tier, course, { statement, when })]).toEqual([statement, when, []]);
      }
    }
  });
});
