import { describe, expect, it } from 'vitest';
import { inFlight } from '../src/frame/in-flight.ts';
import { openLoop } from '../src/frame/open-loop.ts';
import { goal, metric } from '../src/frame/report.ts';
import { alternate, ratios } from '../src/frame/rounds.ts';
import { quantile, summarize } from '../src/frame/statistics.ts';
import { until } from '../src/frame/until.ts';

describe('quantile', () => {
  it('is a value that was measured: the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0, 0.01, 0.5, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([1, 1, 50, 99, 100]);
    expect(quantile([1, 2, 3], 0.99)).toBe(3);
  });

  it('refuses to summarize nothing', () => {
    expect(() => summarize([])).toThrow('nothing to summarize');
  });
});

describe('alternate', () => {
  it('measures all variants in each round, in turns, and leaves out the warm-up', async () => {
    const order: string[] = [];
    const variant = (name: string) => async (round: number) => {
      order.push(`${name}${round}`);
      return round;
    };
    const figures = await alternate({ a: variant('a'), b: variant('b') }, { rounds: 2 });
    expect(order).toEqual(['b-1', 'a-1', 'a0', 'b0', 'b1', 'a1']);
    expect(figures).toEqual({ a: [0, 1], b: [0, 1] });
  });

  it('compares only figures of the same round', () => {
    expect(ratios([1, 4], [2, 2])).toEqual([0.5, 2]);
    expect(() => ratios([1], [1, 2])).toThrow('same rounds');
  });
});

describe('openLoop', () => {
  it('starts tasks when they are due, whether those before have ended or not', async () => {
    const dueAt: number[] = [];
    const allStarted = Promise.withResolvers<void>();
    await openLoop({ count: 5, perSecond: 1000 }, async (index, due) => {
      dueAt[index] = due;
      if (index === 4) allStarted.resolve();
      await allStarted.promise;
    });
    const [first = 0] = dueAt;
    expect(dueAt.map((due) => Math.round(due - first))).toEqual([0, 1, 2, 3, 4]);
  });

  it('starts nothing more after a failure, and throws the first', async () => {
    let started = 0;
    const failing = openLoop({ count: 100_000, perSecond: 1000 }, () => {
      started += 1;
      return Promise.reject(new Error(`task ${started}`));
    });
    await expect(failing).rejects.toThrow('task 1');
    expect(started).toBeLessThan(100_000);
  });
});

describe('inFlight', () => {
  it('has never more under way than asked for, and does all', async () => {
    let underWay = 0;
    let most = 0;
    const done: number[] = [];
    await inFlight(50, 7, async (index) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      done.push(index);
    });
    expect(most).toBe(7);
    expect(done).toHaveLength(50);
  });

  it('stops at the first failure and throws it', async () => {
    let begun = 0;
    const failing = inFlight(100, 4, async (index) => {
      begun += 1;
      await new Promise((resolve) => setImmediate(resolve));
      if (index === 5) throw new Error('refused');
    });
    await expect(failing).rejects.toThrow('refused');
    expect(begun).toBeLessThan(20);
  });
});

describe('goal', () => {
  it('judges rounds by their median and samples by their p99', () => {
    const rounds = metric('rounds', 'ratio', '', [0.4, 0.6, 0.9]);
    expect(goal('half', rounds, 'at least', 0.5)).toMatchObject({ figure: 'median', seen: 0.6, met: true });
    const samples = metric('samples', 'small', 'ms', [1, 2, 400]);
    expect(goal('fast', samples, 'at most', 300)).toMatchObject({ figure: 'p99', seen: 400, met: false });
  });
});

describe('until', () => {
  const what = { what: 'the third look', everyMs: 1 };

  it('looks until it is so', async () => {
    let looks = 0;
    await until(() => ++looks === 3, { ...what, deadlineMs: 60_000 });
    expect(looks).toBe(3);
  });

  it('says what it waited for in vain, and passes on at once what a look throws', async () => {
    await expect(until(() => false, { ...what, deadlineMs: 5 })).rejects.toThrow('in vain for the third look');
    const failed = () => Promise.reject(new Error('A tenant failed.'));
    await expect(until(failed, { ...what, deadlineMs: 60_000 })).rejects.toThrow('A tenant failed.');
  });
});
