import type { ListedStockHome } from '@ultracore/tenant-database';
import { describe, expect, it } from 'vitest';
import { stockToRemove, tierToMake, type RecordedStockHome } from './tidy.ts';

const NOW = 'f'.repeat(16);
const BEFORE = '0'.repeat(16);
const KEPT_MS = 1000;
const wanted = {
  fingerprints: { enterprise: NOW, standard: NOW },
  sizes: { enterprise: 1, standard: 2 },
  keptForOthersMs: KEPT_MS,
};

const recorded = (stockId: string, change: Partial<RecordedStockHome> = {}): RecordedStockHome => ({
  stockId,
  tier: 'standard',
  fingerprint: NOW,
  state: 'ready',
  settled: false,
  ageMs: 0,
  ...change,
});
const found = (stockId: string, fingerprint: string | undefined = NOW): ListedStockHome => ({ stockId, fingerprint });

describe('of the homes in stock', () => {
  it('those that are ready and made of the present migrations stay', () => {
    expect(stockToRemove([found('a'), found('b')], [recorded('a'), recorded('b', { tier: 'enterprise' })], wanted)).toEqual([]);
  });

  it.each<[string, ListedStockHome[], RecordedStockHome]>([
    ['half made by a worker that is gone', [{ stockId: 'a', fingerprint: undefined }], recorded('a', { state: 'making' })],
    ['recorded, with nothing made of it', [], recorded('a', { state: 'making' })],
    ['whole, with its maker gone before it said so', [found('a')], recorded('a', { state: 'making' })],
    ['made of other migrations long ago', [found('a', BEFORE)], recorded('a', { fingerprint: BEFORE, ageMs: KEPT_MS })],
    ['made of other migrations, with a tag that says something else', [found('a')], recorded('a', { fingerprint: BEFORE })],
    ['with a tag that is not what is recorded', [found('a', BEFORE)], recorded('a')],
    ['without its tag', [{ stockId: 'a', fingerprint: undefined }], recorded('a')],
    ['lost on the server', [], recorded('a')],
    ['withdrawn', [found('a')], recorded('a', { state: 'withdrawn' })],
    ['given to a request that needs it no more', [found('a')], recorded('a', { state: 'claimed', settled: true })],
  ])('one goes that is %s', (_, there, home) => {
    expect(stockToRemove(there, [home], wanted)).toEqual(['a']);
  });

  it('those that a worker with other migrations has just made stay, and none of this worker’s goes for them', () => {
    const theirs = ['a', 'b', 'c'].map((stockId) => recorded(stockId, { fingerprint: BEFORE, ageMs: KEPT_MS - 1 }));
    const ours = ['d', 'e'].map((stockId) => recorded(stockId));
    const all = [...theirs, ...ours];
    expect(
      stockToRemove(
        all.map(({ stockId, fingerprint }) => found(stockId, fingerprint)),
        all,
        wanted,
      ),
    ).toEqual([]);
  });

  it('none stays of a tier of which none is wanted, whatever it is made of', () => {
    const homes = [recorded('a'), recorded('b', { fingerprint: BEFORE })];
    const none = { ...wanted, sizes: { enterprise: 1, standard: 0 } };
    expect(stockToRemove([found('a'), found('b', BEFORE)], homes, none)).toEqual(['a', 'b']);
  });

  it('one that nobody knows goes', () => {
    expect(stockToRemove([found('a')], [], wanted)).toEqual(['a']);
  });

  it('one that was given to a request stays, whatever it is made of', () => {
    const home = recorded('a', { state: 'claimed', fingerprint: BEFORE });
    expect(stockToRemove([found('a', BEFORE)], [home], { ...wanted, sizes: { enterprise: 0, standard: 0 } })).toEqual([]);
  });

  it('those beyond the number that is wanted go, the oldest first', () => {
    const homes = ['newest', 'middle', 'oldest'].map((stockId) => recorded(stockId));
    expect(
      stockToRemove(
        homes.map(({ stockId }) => found(stockId)),
        homes,
        wanted,
      ),
    ).toEqual(['oldest']);
  });
});

it('what is made next is of the tier of which most is missing', () => {
  expect(tierToMake({ enterprise: 0, standard: 0 }, wanted.sizes)).toBe('standard');
  expect(tierToMake({ enterprise: 0, standard: 2 }, wanted.sizes)).toBe('enterprise');
  expect(tierToMake({ enterprise: 1, standard: 1 }, wanted.sizes)).toBe('standard');
  expect(tierToMake({ enterprise: 1, standard: 2 }, wanted.sizes)).toBeUndefined();
  expect(tierToMake({ enterprise: 5, standard: 5 }, wanted.sizes)).toBeUndefined();
});
