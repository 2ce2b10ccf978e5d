import { describe, expect, it } from 'vitest';
import { Endings } from '../src/pool/endings.ts';
import type { LoginPool } from '../src/pool/login-pool.ts';
import { Slot } from '../src/pool/slot.ts';
import { END_ANSWER_MS, LEAVING_COUNTS_MS, RESET_GIVE_UP_MS } from '../src/pool/tuning.ts';
import { type Work, WorkList } from '../src/pool/work.ts';
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

/** Work that does nothing but what it is told to at each sweep. */
const working = (tick: (now: number) => void = () => {}): Work =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a connection asks of what runs on it
  ({ begin: () => {}, moveOn: () => {}, tick }) as unknown as Work;

describe('a connection that others share', () => {
  it('is dropped for a server that does not end a session only when that is what it was asked for', () => {
    let dropped = 0;
    const open = { processId: 1, command: () => Promise.withResolvers<void>().promise, destroy: () => void dropped++ };
    const home = { slots: new Array<Slot>(), context: { ticker: { patienceMs: 5 } }, tenant: { registration: {} } };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the asking needs of its pool
    const shared = home as unknown as LoginPool;
    const [stuck, slot] = [new Slot(shared, 0), new Slot(shared, 0)];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one that does not answer
    for (const each of [stuck, slot]) each.backend = open as unknown as Backend;
    home.slots.push(slot);
    const ahead = working();
    slot.start(ahead, false, 0);
    new Endings(shared).add(stuck, 1);
    expect(slot.inFlight).toBe(2);
    slot.tick(END_ANSWER_MS + 100, 0);
    expect(dropped).toBe(0);
    slot.ended(ahead, END_ANSWER_MS + 100);
    slot.tick(END_ANSWER_MS + 200, 0);
    expect(dropped).toBe(0);
    slot.tick(2 * END_ANSWER_MS + 100, 0);
    expect(dropped).toBe(1);
  });

  it('and is dropped at a sweep leaves alone those that wait elsewhere by then', () => {
    const elsewhere = new WorkList();
    const ticked: string[] = [];
    const slot = new Slot(pool, 0);
    slot.backend = backend;
    const neighbours = ['a', 'b'].map((name) => working(() => void ticked.push(name)));
    const head = working(() => {
      for (const work of slot.running.toArray()) {
        slot.running.remove(work);
        elsewhere.push(work);
      }
    });
    for (const work of [head, ...neighbours]) slot.start(work, false, 0);
    slot.tick(1, 0);
    expect(ticked).toEqual([]);
    expect(elsewhere.length).toBe(3);
  });
});
