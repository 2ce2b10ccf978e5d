import { TIERS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultLines, runProbes } from '../src/index.ts';
import { type Bench, startBench } from './homes.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

describe('a tenant whose password leaked', () => {
  it.each(TIERS)(
    'of tier %s reads, changes and leaves nothing of its neighbours',
    async (tier) => {
      const report = await runProbes({ attacker: bench.attackers[tier], victims: bench.victims });
      expect(faultLines(report)).toEqual([]);
      expect(report.skipped).toEqual([]);
      expect(new Set(report.results.map(({ probe }) => probe)).size).toBeGreaterThanOrEqual(120);
    },
    300_000,
  );
});
