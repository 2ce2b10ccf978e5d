import { TIERS } from '@ultracore/contracts';
import { describe, expect, it } from 'vitest';
import { CATEGORIES, EXPOSURE_IDS, EXPOSURES, HTTP_PROBES, PROBES } from '../src/index.ts';

const duplicates = (values: readonly string[]): string[] => values.filter((value, at) => values.indexOf(value) !== at);

describe('the corpus', () => {
  it('names every probe once', () => {
    expect(duplicates([...PROBES, ...HTTP_PROBES].map(({ id }) => id))).toEqual([]);
    expect(duplicates([...PROBES, ...HTTP_PROBES].map(({ attempts }) => attempts))).toEqual([]);
  });

  it('says of every probe what it tries, in statements of which none is two', () => {
    for (const { id, attempts, steps } of PROBES) {
      expect([id, attempts.length > 3, steps.length > 0]).toEqual([id, true, true]);
      const codeOrText = /\$\$.*\$\$|begin atomic.*end|'[^']*'/gs;
      expect([id, steps.filter((step) => step.replaceAll(codeOrText, '').includes(';'))]).toEqual([id, []]);
    }
  });

  it.each(TIERS)('has at least 120 attacks for a tenant of tier %s', (tier) => {
    expect(PROBES.filter(({ expect: expected }) => expected[tier] !== undefined).length).toBeGreaterThanOrEqual(120);
  });

  it('has attacks of every category', () => {
    const categories = new Set([...PROBES, ...HTTP_PROBES].map(({ category }) => category));
    expect(CATEGORIES.filter((category) => !categories.has(category))).toEqual([]);
  });

  it('demands a refusal, or an outcome, of every attack', () => {
    for (const { id, expect: expected } of PROBES) {
      for (const expectation of Object.values(expected)) {
        expect([id, expectation.verdict !== 'refused' || expectation.codes.length > 0]).toEqual([id, true]);
      }
    }
  });

  it('shows each exposure that the documentation lists, and lists each that it shows', () => {
    const shown = PROBES.flatMap(({ expect: expected }) =>
      Object.values(expected).flatMap((expectation) => (expectation.verdict === 'shown' ? [expectation.exposure] : [])),
    );
    expect([...new Set(shown)].sort()).toEqual([...EXPOSURE_IDS].sort());
    expect(Object.keys(EXPOSURES).sort()).toEqual([...EXPOSURE_IDS].sort());
  });
});
