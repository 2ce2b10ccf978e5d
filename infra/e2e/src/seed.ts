export interface Seeded {
  readonly seed: number;
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number;
}

/** Repeatable chance: ULTRACORE_TEST_SEED, or a new seed each run, which the test's title names. Mulberry32. */
export function seeded(seed = Number(process.env['ULTRACORE_TEST_SEED']) || Date.now() % 1_000_000): Seeded {
  let state = seed;
  return {
    seed,
    below(bound) {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
    },
  };
}
