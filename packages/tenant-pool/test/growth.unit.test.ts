import { describe, expect, it } from 'vitest';
import { Growth, wouldGrow } from '../src/scheduling/growth.ts';

const rules = { depth: 16, connections: 4, backlogMs: 5, trialMs: 100, restMs: 1_000, longestRestMs: 3_000 };
const open = (...inFlight: number[]) => inFlight.map((each) => ({ open: true, inFlight: each, headSince: 0 }));

describe('another connection', () => {
  const load = { connections: 2, least: 16, averageMs: 0.05, late: false };

  it('is worth it for deep pipelines up to a number, and for what takes long in all beyond it', () => {
    expect(wouldGrow(load, rules)).toBe(true);
    expect(wouldGrow({ ...load, least: 15 }, rules)).toBe(false);
    expect(wouldGrow({ ...load, connections: 4, least: 60 }, rules)).toBe(false);
    expect(wouldGrow({ ...load, connections: 4, least: 4, averageMs: 2 }, rules)).toBe(true);
  });

  it('is not when this process is what is late, nor for a single statement', () => {
    expect(wouldGrow({ ...load, connections: 4, least: 4, averageMs: 2, late: true }, rules)).toBe(false);
    expect(wouldGrow({ ...load, least: 1, averageMs: 50 }, rules)).toBe(false);
  });

  it('is asked for only when several looks in a row find so', () => {
    const pool = new Growth(rules);
    const looks = [open(20), open(20), open(20, 0), open(20), open(20), open(20)];
    const asked = looks.map((candidates) => pool.look(candidates, { late: false, mayGrow: true, now: 0 }));
    expect(asked).toEqual([...Array.from({ length: 5 }, () => undefined), 'grow']);
  });

  interface Run {
    readonly from: number;
    readonly ms: number;
    /** Statements done between two looks. */
    readonly done: number;
    readonly doneWithMore?: number;
    /** On all connections together. */
    readonly inFlight?: number;
    readonly inFlightWithMore?: number;
  }

  /** Looks every 5 ms for `ms`, at six connections and one more from the time that it asks for one. */
  function run(
    growth: Growth,
    { from, ms, done, doneWithMore = done, inFlight = 84, inFlightWithMore = inFlight }: Run,
  ): string[] {
    const asked: string[] = [];
    let more = 0;
    for (let now = from; now < from + ms; now += 5) {
      for (let n = 0; n < (more > 0 ? doneWithMore : done); n++) growth.note(1);
      const each = (more > 0 ? inFlightWithMore : inFlight) / (6 + more);
      const answer = growth.look(open(...Array.from({ length: 6 + more }, () => each)), {
        late: false,
        mayGrow: more === 0,
        now,
      });
      if (answer === undefined) continue;
      asked.push(answer);
      more += answer === 'grow' ? 1 : -1;
    }
    return asked;
  }

  it('with which nothing is done sooner is given up, and none is tried for a while, each time for longer', () => {
    const growth = new Growth(rules);
    expect(run(growth, { from: 600, ms: 1_500, done: 20 })).toEqual(['grow', 'shrink']);
    expect(run(growth, { from: 2_100, ms: 200, done: 20 })).toEqual([]);
    expect(run(growth, { from: 2_300, ms: 1_900, done: 20 })).toEqual(['grow', 'shrink']);
    expect(run(growth, { from: 4_200, ms: 800, done: 20 })).toEqual([]);
  });

  it('with which more is done is kept', () => {
    expect(run(new Growth(rules), { from: 600, ms: 1_800, done: 20, doneWithMore: 23 })).toEqual(['grow']);
  });

  it('with which as much is done, and less is under way, is kept', () => {
    expect(run(new Growth(rules), { from: 600, ms: 1_800, done: 20, inFlightWithMore: 70 })).toEqual(['grow']);
  });

  it('is not given up for another that could not be opened, or when nothing waits any more', () => {
    const growth = new Growth(rules);
    const looks = (connections: readonly number[], from: number): (string | undefined)[] =>
      Array.from({ length: 80 }, (_, nth) => {
        for (let n = 0; n < 20; n++) growth.note(1);
        return growth.look(open(...connections), { late: false, mayGrow: true, now: from + nth * 5 });
      });
    expect(looks([8, 8, 8, 8, 8, 8], 1_100)).not.toContain('shrink');
    expect(looks([2, 2, 2, 2, 2, 2, 2], 1_500)).not.toContain('shrink');
  });
});
