import { describe, expect, test } from 'vitest';
import { createPace } from '../../src/store/pace.ts';

const never = new AbortController().signal;
/** Milliseconds for which the next batch waits after one of `count` that took `tookMs`. */
async function waited(count: number, tookMs: number, waiting: number, signal = never): Promise<number> {
  const pace = createPace({ everyMs: 40, few: 4, many: 100 });
  pace.begin(count);
  const end = performance.now() + tookMs;
  while (performance.now() < end);
  const since = performance.now();
  await pace.next(waiting, signal);
  return performance.now() - since;
}

describe('the pace', () => {
  test('lets the next batch follow at once when little happens, or very much', async () => {
    for (const [count, waiting] of [
      [0, 0],
      [3, 0],
      [100, 0],
      [50, 100],
    ] as const) {
      expect(await waited(count, 0, waiting)).toBeLessThan(10);
    }
  });

  test('spaces the batches in between', async () => {
    expect(await waited(4, 0, 0)).toBeGreaterThan(35);
  });

  test('rests as long as a batch took, when that is longer', async () => {
    expect(await waited(4, 60, 0)).toBeGreaterThan(55);
  });

  test('waits no longer when all ends', async () => {
    expect(await waited(4, 0, 0, AbortSignal.timeout(5))).toBeLessThan(30);
  });
});
