import type { Verdicts } from './verdict.ts';

export interface VerdictCache {
  get(text: string): Verdicts | undefined;
  set(text: string, verdicts: Verdicts): void;
}

/** Beside two bytes a character: the map's entry, the verdicts. */
const ENTRY_BYTES = 600;

/**
 * Keeps verdicts by text within a bound of memory. What was asked for since half of the bound was last filled stays; so a text in use
 * survives any number of texts that come once. One look-up for a text in use.
 */
export function createVerdictCache(bytes: number): VerdictCache {
  let young = new Map<string, Verdicts>();
  let old = new Map<string, Verdicts>();
  let youngBytes = 0;
  const set = (text: string, verdicts: Verdicts): void => {
    const size = ENTRY_BYTES + 2 * text.length;
    if (youngBytes + size > bytes / 2) {
      old = young;
      young = new Map();
      youngBytes = 0;
    }
    young.set(text, verdicts);
    youngBytes += size;
  };
  return {
    get(text) {
      const known = young.get(text);
      if (known !== undefined) return known;
      const aged = old.get(text);
      if (aged !== undefined) {
        old.delete(text);
        set(text, aged);
      }
      return aged;
    },
    set,
  };
}
