import { describe, expect, it } from 'vitest';
import { Growth, wouldGrow } from '../src/scheduling/growth.ts';

const growth = { depth: 16, connections: 4, backlogMs: 5 };

describe('another connection', () => {
  const load = { connections: 2, least: 16, averageMs: 0.05, late: false };

  it('is worth it for deep pipelines up to a number, and for what takes long in all beyond it', () => {
    expect(wouldGrow(load, growth)).toBe(true);
    expect(wouldGrow({ ...load, least: 15 }, growth)).toBe(false);
    expect(wouldGrow({ ...load, connections: 4, least: 60 }, growth)).toBe(false);
    expect(wouldGrow({ ...load, connections: 4, least: 4, averageMs: 2 }, growth)).toBe(true);
  });

  it('is not when this process is what is late, nor for a single statement', () => {
    expect(wouldGrow({ ...load, connections: 4, least: 4, averageMs: 2, late: true }, growth)).toBe(false);
    expect(wouldGrow({ ...load, least: 1, averageMs: 50 }, growth)).toBe(false);
  });

  it('is asked for only when several looks in a row find so', () => {
    const pool = new Growth(growth);
    const deep = [{ open: true, inFlight: 20, headSince: 0 }];
    const shallow = [...deep, { open: true, inFlight: 0, headSince: 0 }];
    expect([deep, deep, shallow, deep, deep, deep].map((candidates) => pool.isDue(candidates, false))).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });
});
