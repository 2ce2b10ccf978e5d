import { describe, expect, it } from 'vitest';
import { type Candidate, chooseBackend, chooseIdle } from '../src/scheduling/choose-backend.ts';

const candidate = (change: Partial<Candidate>): Candidate => ({ open: true, inFlight: 0, headSince: 0, ...change });
const rules = { now: 100, patienceMs: 5, depth: 64 };

describe('the connection for a short statement', () => {
  it('is the one with the least in flight', () => {
    const best = candidate({ inFlight: 2, headSince: 99 });
    expect(
      chooseBackend([candidate({ inFlight: 3, headSince: 99 }), best, candidate({ inFlight: 9, headSince: 99 })], rules),
    ).toBe(best);
  });

  it('is never one whose oldest statement has run for longer than short ones do', () => {
    expect(chooseBackend([candidate({ inFlight: 1, headSince: 90 })], rules)).toBeUndefined();
    const idle = candidate({ inFlight: 0, headSince: 0 });
    expect(chooseBackend([candidate({ inFlight: 1, headSince: 90 }), idle], rules)).toBe(idle);
  });

  it('is never one that is closed to new work, or full', () => {
    expect(chooseBackend([candidate({ open: false }), candidate({ inFlight: 64, headSince: 99 })], rules)).toBeUndefined();
  });
});

describe('the connection for a statement that must be alone', () => {
  it('has nothing in flight', () => {
    const idle = candidate({});
    expect(chooseIdle([candidate({ inFlight: 1 }), candidate({ open: false }), idle])).toBe(idle);
    expect(chooseIdle([candidate({ inFlight: 1 })])).toBeUndefined();
  });
});
