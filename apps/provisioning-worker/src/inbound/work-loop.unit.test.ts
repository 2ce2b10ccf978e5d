import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWorkLoop, type LoopServer, type WorkLoop } from './work-loop.ts';

const server = (name: string, state: string): LoopServer => ({
  name,
  state,
  checkDue: () => false,
  check: () => Promise.resolve(),
});
const logger = { error: vi.fn<(details: object, message: string) => void>() };
let loop: WorkLoop | undefined;
afterEach(() => loop?.stop());

/** A loop over lists of work; `finish` ends the work of that name. */
function run(work: Record<string, string[]>, servers: LoopServer[], concurrency = 2) {
  const inHand = new Map<string, () => void>();
  const begun: string[] = [];
  loop = createWorkLoop<LoopServer, string>({
    servers,
    concurrency,
    pollMs: 60_000,
    logger,
    lease: ({ name }, limit) => Promise.resolve((work[name] ?? []).splice(0, limit)),
    perform(_, item) {
      begun.push(item);
      return new Promise((resolve) => {
        inHand.set(item, resolve);
      });
    },
  });
  loop.start();
  return { begun, finish: (item: string) => inHand.get(item)?.() };
}

describe('the work loop', () => {
  it('works on no more than its slots hold, and takes more as soon as one is free', async () => {
    const { begun, finish } = run({ one: ['a', 'b', 'c'] }, [server('one', 'fit')]);
    await vi.waitFor(() => expect(begun).toEqual(['a', 'b']));
    finish('b');
    await vi.waitFor(() => expect(begun).toEqual(['a', 'b', 'c']));
    for (const item of begun) finish(item);
  });

  it('gives every server slots of its own: one that hangs holds up no other', async () => {
    const { begun, finish } = run({ hung: ['h1', 'h2', 'h3'], well: ['w1', 'w2', 'w3', 'w4'] }, [
      server('hung', 'fit'),
      server('well', 'fit'),
    ]);
    await vi.waitFor(() => expect(begun).toEqual(expect.arrayContaining(['h1', 'h2', 'w1', 'w2'])));
    for (const item of ['w1', 'w2']) finish(item);
    await vi.waitFor(() => expect(begun).toEqual(expect.arrayContaining(['w3', 'w4'])));
    expect(begun).not.toContain('h3');
    for (const item of [...begun, 'h3']) finish(item);
    await vi.waitFor(() => expect(begun).toContain('h3'));
    finish('h3');
  });

  it('takes nothing for a server that is not fit', async () => {
    const { begun, finish } = run({ one: ['a'], two: ['b'] }, [server('one', 'unreachable'), server('two', 'fit')]);
    await vi.waitFor(() => expect(begun).toEqual(['b']));
    finish('b');
  });

  it('looks again when it is woken while it looks', async () => {
    const work: Record<string, string[]> = { one: [] };
    const { begun, finish } = run(work, [server('one', 'fit')]);
    work['one']?.push('a');
    loop?.wake();
    await vi.waitFor(() => expect(begun).toEqual(['a']));
    finish('a');
  });

  it('stops only when what is in hand is finished', async () => {
    const { begun, finish } = run({ one: ['a', 'b', 'c'] }, [server('one', 'fit')]);
    await vi.waitFor(() => expect(begun).toHaveLength(2));
    let stopped = false;
    const stopping = loop?.stop().then(() => {
      stopped = true;
    });
    finish('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    finish('b');
    await stopping;
    expect(begun).toEqual(['a', 'b']);
  });

  it('begins no round while one server is still being asked for, though another could not be', async () => {
    const slow = Promise.withResolvers<string[]>();
    let asked = 0;
    loop = createWorkLoop<LoopServer, string>({
      servers: [server('broken', 'fit'), server('slow', 'fit')],
      concurrency: 1,
      pollMs: 60_000,
      logger,
      lease: ({ name }) => (name === 'broken' ? Promise.reject(new Error('no')) : (asked++, slow.promise)),
      perform: () => Promise.resolve(),
    });
    loop.start();
    await new Promise(setImmediate);
    loop.wake();
    await new Promise(setImmediate);
    expect(asked).toBe(1);
    slow.resolve([]);
    await vi.waitFor(() => expect(asked).toBe(2));
  });

  it('goes on after a round that could not be begun', async () => {
    let failures = 1;
    loop = createWorkLoop<LoopServer, string>({
      servers: [server('one', 'fit')],
      concurrency: 1,
      pollMs: 10,
      logger,
      lease: () => (failures-- > 0 ? Promise.reject(new Error('no bookkeeping')) : Promise.resolve([])),
      perform: () => Promise.resolve(),
    });
    const before = loop.lastRoundAt();
    loop.start();
    await vi.waitFor(() => expect(failures).toBeLessThan(0));
    expect(logger.error).toHaveBeenCalledOnce();
    expect(loop.lastRoundAt()).toBeGreaterThan(before);
  });
});
