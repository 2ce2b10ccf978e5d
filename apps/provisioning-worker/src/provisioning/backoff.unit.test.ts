import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const bounds = { firstMs: 100, longestMs: 5000 };

it('doubles from the first pause and stays at the longest', () => {
  const full = [1, 2, 3, 6, 7, 60].map((failures) => backoffMs(failures, bounds, 1));
  expect(full).toEqual([100, 200, 400, 3200, 5000, 5000]);
});

it('spreads over the upper half, so that it is never shorter than half', () => {
  expect(backoffMs(3, bounds, 0)).toBe(200);
  expect(backoffMs(1000, bounds, 0)).toBe(2500);
});

it('takes a count below one for one', () => {
  expect(backoffMs(0, bounds, 1)).toBe(100);
});
