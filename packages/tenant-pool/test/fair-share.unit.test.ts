import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fairShare } from '../src/scheduling/fair-share.ts';

describe('the fair share', () => {
  it('is without limit when everybody gets what it asks for', () => {
    expect(fairShare(10, [3, 3, 4])).toBe(Number.POSITIVE_INFINITY);
    expect(fairShare(10, [])).toBe(Number.POSITIVE_INFINITY);
  });

  it('leaves small demands alone and divides the rest evenly', () => {
    expect(fairShare(10, [1, 1, 20, 20])).toBe(4);
    expect(fairShare(10, [1, 100])).toBe(9);
  });

  it('is less than one when there are more tenants than connections', () => {
    expect(
      fairShare(
        10,
        Array.from({ length: 20 }, () => 1),
      ),
    ).toBe(0.5);
  });

  it('gives away the whole budget, and no one who asks for less loses by another who asks for more', () => {
    assert(
      property(integer({ min: 1, max: 500 }), array(integer({ min: 1, max: 100 }), { minLength: 1 }), (budget, demands) => {
        const share = fairShare(budget, demands);
        const given = demands.reduce((sum, demand) => sum + Math.min(demand, share), 0);
        const wanted = demands.reduce((sum, demand) => sum + demand, 0);
        expect(given).toBeCloseTo(Math.min(budget, wanted), 6);
        const greedier = fairShare(
          budget,
          demands.map((demand, index) => (index === 0 ? demand + 50 : demand)),
        );
        // What the greedy one asks on top never pushes another below an even part.
        for (const demand of demands.slice(1)) {
          expect(Math.min(demand, greedier)).toBeGreaterThanOrEqual(Math.min(demand, budget / demands.length) - 1e-9);
        }
      }),
    );
  });
});
