import { expect, it } from 'vitest';
import { TokenBucket } from '../src/scheduling/token-bucket.ts';

it('gives as many as there are at once, then once in a while, and later than that when it was overdrawn', () => {
  const bucket = new TokenBucket(3, 100, 0);
  const spendAll = (now: number): number => {
    let spent = 0;
    for (; bucket.hasToken(now) && spent < 100; spent++) bucket.spend(now);
    return spent;
  };
  expect(spendAll(0)).toBe(3);
  expect(spendAll(99)).toBe(0);
  expect(spendAll(100)).toBe(1);
  for (let n = 0; n < 5; n++) bucket.spend(100);
  expect(spendAll(600)).toBe(0);
  expect(spendAll(700)).toBe(1);
  expect(spendAll(100_000)).toBe(3);
});
