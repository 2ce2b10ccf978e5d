import { expect, it } from 'vitest';
import { Allowance } from '../src/scheduling/allowance.ts';

it('is open for as many as there may be at once, then once in a while, and later than that when it was overdrawn', () => {
  const allowance = new Allowance(3, 100, 0);
  const spendAll = (now: number): number => {
    let spent = 0;
    for (; allowance.isOpen(now) && spent < 100; spent++) allowance.spend(now);
    return spent;
  };
  expect(spendAll(0)).toBe(3);
  expect(spendAll(99)).toBe(0);
  expect(spendAll(100)).toBe(1);
  for (let n = 0; n < 5; n++) allowance.spend(100);
  expect(spendAll(600)).toBe(0);
  expect(spendAll(700)).toBe(1);
  expect(spendAll(100_000)).toBe(3);
});
