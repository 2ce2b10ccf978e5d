import { describe, expect, it } from 'vitest';
import { tryEach } from './try-each.ts';

const NEVER = new AbortController().signal;

/** What had its turn of `one` to `four`, of which some fail, and what was thrown in the end. */
async function turns(options: { failing?: readonly string[]; fatal?: string; stopAfter?: string }) {
  const stopping = new AbortController();
  const seen: string[] = [];
  const concernsAll = (error: unknown) => error instanceof Error && error.message === options.fatal;
  const thrown = await tryEach(['one', 'two', 'three', 'four'], { stopping: stopping.signal, concernsAll }, (each) => {
    seen.push(each);
    if (each === options.stopAfter) stopping.abort();
    return options.failing?.includes(each) === true ? Promise.reject(new Error(each)) : Promise.resolve();
  }).catch((error: unknown) => error);
  return { seen, thrown };
}

describe('of many', () => {
  it('one that fails keeps no other from its turn; the first error is told at the end', async () => {
    expect(await turns({ failing: ['one', 'three'] })).toEqual({
      seen: ['one', 'two', 'three', 'four'],
      thrown: new Error('one'),
    });
  });

  it('none has its turn after what would go wrong with all of them', async () => {
    expect(await turns({ failing: ['one', 'two'], fatal: 'two' })).toEqual({ seen: ['one', 'two'], thrown: new Error('one') });
  });

  it('none has its turn once a stop is asked for', async () => {
    expect(await turns({ stopAfter: 'two' })).toEqual({ seen: ['one', 'two'], thrown: undefined });
  });

  it('that all succeed nothing is told', async () => {
    await expect(
      tryEach(['one'], { stopping: NEVER, concernsAll: () => true }, () => Promise.resolve()),
    ).resolves.toBeUndefined();
  });
});
