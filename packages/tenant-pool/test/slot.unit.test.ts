import { describe, expect, it } from 'vitest';
import type { LoginPool } from '../src/pool/login-pool.ts';
import { Slot } from '../src/pool/slot.ts';
import { LEAVING_COUNTS_MS } from '../src/pool/tuning.ts';
import type { Backend } from '../src/wire/backend.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a connection asks of its pool while nothing runs on it
const pool = {} as LoginPool;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one that never ends
const backend = { close: () => {} } as Backend;

describe('a connection that was asked to give way', () => {
  it('is taken for one that soon does only for a while, however long it takes to close', () => {
    const slot = new Slot(pool, performance.now());
    slot.backend = backend;
    expect(slot.isLeaving(performance.now())).toBe(false);
    slot.retire();
    expect(slot.isLeaving(performance.now())).toBe(true);
    expect(slot.isLeaving(performance.now() + LEAVING_COUNTS_MS + 1)).toBe(false);
  });

  it('and is still being opened is taken for one only for a while too', () => {
    const slot = new Slot(pool, performance.now());
    slot.retire();
    expect(slot.isLeaving(performance.now())).toBe(true);
    expect(slot.isLeaving(performance.now() + LEAVING_COUNTS_MS + 1)).toBe(false);
  });
});
