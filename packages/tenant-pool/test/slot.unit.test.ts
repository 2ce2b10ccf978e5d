import { describe, expect, it } from 'vitest';
import type { LoginPool } from '../src/pool/login-pool.ts';
import { Slot } from '../src/pool/slot.ts';
import { LEAVING_COUNTS_MS, RESET_GIVE_UP_MS } from '../src/pool/tuning.ts';
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

describe('a connection whose session is being reset', () => {
  it('is dropped when the server does not answer, and left alone before', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let dropped = 0;
    const silent = { state: 'ready', inFlight: 0, transactionStatus: 'I', command: () => promise, destroy: () => void dropped++ };
    const slot = new Slot(pool, performance.now());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one that does not answer
    slot.backend = silent as unknown as Backend;
    const reset = slot.reset();
    const now = performance.now();
    slot.maintain(now + RESET_GIVE_UP_MS - 1_000);
    expect(dropped).toBe(0);
    slot.maintain(now + RESET_GIVE_UP_MS + 1);
    expect([dropped, slot.dropped]).toEqual([1, true]);
    resolve();
    expect(await reset).toBe(true);
    slot.maintain(now + 2 * RESET_GIVE_UP_MS);
    expect(dropped).toBe(1);
  });
});
