import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createPace } from '../../src/store/pace.ts';

const never = new AbortController().signal;

/** Milliseconds for which the next batch waits after one of `count` that took `tookMs`. */
async function waited(count: number, tookMs: number, waiting: number): Promise<number> {
  const pace = createPace({ everyMs: 40, few: 4, many: 100 });
  pace.begin(count);
  const end = performance.now() + tookMs;
  while (performance.now() < end);
  const since = performance.now();
  await pace.next(waiting, never);
  return performance.now() - since;
}

describe('the pace', () => {
  test('lets the next batch follow at once when little happens, or very much', async () => {
    const pace = createPace({ everyMs: 3_600_000, few: 4, many: 100 });
    for (const [count, waiting] of [
      [0, 0],
      [3, 0],
      [100, 0],
      [50, 100],
    ] as const) {
      pace.begin(count);
      // With an hour between batches, a wait would outlast the test.
      await pace.next(waiting, never);
    }
    expect.assertions(0);
  });

  test('spaces the batches in between', async () => {
    expect(await waited(4, 0, 0)).toBeGreaterThan(35);
  });

  test('rests as long as a batch took, when that is longer', async () => {
    expect(await waited(4, 30, 0)).toBeGreaterThan(25);
  });

  test('rests no longer than batches are apart, however long one took', async () => {
    const pace = createPace({ everyMs: 20, few: 4, many: 100 });
    pace.begin(4);
    const end = performance.now() + 200;
    while (performance.now() < end);
    const rest = pace.next(0, never).then(() => 'next');
    expect(await Promise.race([rest, sleep(100, 'later')])).toBe('next');
  });

  test('waits no longer when all ends', async () => {
    const pace = createPace({ everyMs: 3_600_000, few: 4, many: 100 });
    pace.begin(4);
    await pace.next(0, AbortSignal.timeout(5));
    expect.assertions(0);
  });
});
