import { describe, expect, it } from 'vitest';
import { percentilesOf, WaitTimes } from '../src/scheduling/wait-times.ts';

describe('wait times', () => {
  it('are 0 while nobody waits', () => {
    const waits = new WaitTimes(0);
    expect(waits.percentiles(0)).toEqual({ p50: 0, p95: 0, p99: 0 });
    waits.recordNone(1);
    expect(waits.percentiles(2)).toEqual({ p50: 0, p95: 0, p99: 0 });
  });

  it('are at most a quarter too high, and never too low', () => {
    const waits = new WaitTimes(0);
    for (let ms = 1; ms <= 1_000; ms++) waits.record(ms, 0);
    const { p50, p95, p99 } = waits.percentiles(0);
    for (const [found, exact] of [
      [p50, 500],
      [p95, 950],
      [p99, 990],
    ] as const) {
      expect(found).toBeGreaterThanOrEqual(exact * 0.99);
      expect(found).toBeLessThanOrEqual(exact * 1.26);
    }
  });

  it('count those that did not wait', () => {
    const waits = new WaitTimes(0);
    for (let n = 0; n < 98; n++) waits.recordNone(0);
    waits.record(100, 0);
    waits.record(100, 0);
    expect(waits.percentiles(0)).toMatchObject({ p50: 0, p95: 0 });
    expect(waits.percentiles(0).p99).toBeGreaterThanOrEqual(100);
  });

  it('are of the last one to two windows', () => {
    const waits = new WaitTimes(0, 1_000);
    waits.record(50, 500);
    expect(waits.percentiles(1_500).p50).toBeGreaterThan(0);
    expect(waits.percentiles(2_500).p50).toBe(0);
    waits.record(50, 3_600);
    expect(waits.percentiles(9_000).p50).toBe(0);
  });

  it('add up over several roles', () => {
    const [a, b] = [new WaitTimes(0), new WaitTimes(0)];
    a.record(1, 0);
    for (let n = 0; n < 9; n++) b.record(100, 0);
    expect(percentilesOf([a, b], 0).p50).toBeGreaterThanOrEqual(100);
  });
});
