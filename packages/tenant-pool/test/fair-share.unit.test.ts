import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseVictim, fairShare, type Holding, type VictimRules } from '../src/scheduling/fair-share.ts';

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

describe('who gives way', () => {
  const holding = (change: Partial<Holding>): Holding => ({
    held: 1,
    idle: false,
    taken: false,
    lastUsed: 9_999,
    openedAt: 0,
    inFlight: 1,
    headSince: 9_990,
    ...change,
  });
  const rules: VictimRules = { now: 10_000, share: 2, entitled: true, staleAfterMs: 5_000, tenureMs: 100 };

  it('is the idle connection that nobody has used for longest, before any other', () => {
    const oldest = holding({ idle: true, lastUsed: 1_000 });
    const others = [holding({ held: 9 }), holding({ idle: true, lastUsed: 2_000 }), holding({ idle: true, held: 9 })];
    expect(chooseVictim([...others, oldest], rules)).toBe(oldest);
    expect(chooseVictim([...others, oldest], { ...rules, entitled: false })).toBe(oldest);
  });

  it('is no one in use when the one who waits has its share already', () => {
    const fresh = [holding({ idle: true, lastUsed: 9_000 }), holding({ idle: true, held: 9 }), holding({ held: 9 })];
    expect(chooseVictim(fresh, { ...rules, entitled: false })).toBeUndefined();
  });

  it('is of the tenant furthest above its share, before one that a quiet tenant has but does not use at this moment', () => {
    const quiet = holding({ idle: true, lastUsed: 9_000 });
    const victim = holding({ held: 5, inFlight: 1 });
    expect(chooseVictim([quiet, holding({ held: 3, inFlight: 0 }), holding({ held: 5, inFlight: 2 }), victim], rules)).toBe(
      victim,
    );
    const idle = holding({ held: 3, idle: true });
    expect(chooseVictim([quiet, victim, idle], rules)).toBe(idle);
  });

  it('is the quiet tenant’s rather than one that has long been at what it does, or has only just been opened', () => {
    const quiet = holding({ idle: true, lastUsed: 9_000 });
    const long = holding({ held: 5, headSince: 5_000 });
    expect(chooseVictim([long, quiet], rules)).toBe(quiet);
    expect(chooseVictim([holding({ held: 5, openedAt: 9_950 }), quiet], rules)).toBe(quiet);
    expect(chooseVictim([long], rules)).toBe(long);
  });

  it('is none of those who hold no more than their share and use it, and none that was asked already', () => {
    expect(chooseVictim([holding({ held: 2 }), holding({ held: 1 }), holding({ held: 5, taken: true })], rules)).toBeUndefined();
  });
});
