import { randomInt } from 'node:crypto';
import { TIERS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, startBench, withOneTable } from './homes.ts';
import { type Cut, proveCut, statementsOf } from './kills.ts';

let bench: Bench;
beforeAll(async () => {
  bench = withOneTable(await startBench());
});
afterAll(() => bench.stop());

/** Spread over the course, from a place drawn anew each run; the soak test takes them all. */
function sample(statements: number, count: number): Cut[] {
  const offset = randomInt(statements);
  return Array.from({ length: count }, (_, index) => ({
    statement: 1 + ((offset + Math.floor((index * statements) / count)) % statements),
    when: index % 2 === 0 ? 'before' : 'after',
  }));
}

describe.each(TIERS)('with the admin’s session ended in the middle, a home of tier %s', (tier) => {
  it.each(['creation', 'undo'] as const)('loses nothing and leaves nothing: %s', async (course) => {
    for (const cut of sample(await statementsOf(bench, tier, course), 5)) {
      expect([cut, await proveCut(bench, tier, course, cut)]).toEqual([cut, []]);
    }
  });
});
