/** Texts longer than this are not remembered: they are rare, and would be what memory goes to. */
const LONGEST_TEXT = 8_192;
const GENERATION_TEXTS = 256;
const GENERATION_CHARACTERS = 256 * 1_024;

/** What a pool has learnt of one statement text. */
export class StatementProfile {
  /** Completed runs. */
  runs = 0;
  /** Types of the parameters, once the server was asked. */
  parameters: readonly number[] | undefined = undefined;
  #typicalMs = 0;

  /** Typical time, in milliseconds; leans to the short side, because what disturbs a measurement only ever adds to it. */
  get typicalMs(): number {
    return this.#typicalMs;
  }

  learn(ms: number): void {
    if (this.runs === 0) this.#typicalMs = ms;
    else this.#typicalMs += (ms - this.#typicalMs) * (ms < this.#typicalMs ? 0.5 : 0.1);
    this.runs++;
  }

  /** Known, and known to be done within `patienceMs`. */
  isShort(patienceMs: number): boolean {
    return this.runs > 0 && this.#typicalMs <= patienceMs;
  }

  isLong(patienceMs: number): boolean {
    return this.runs > 0 && this.#typicalMs > patienceMs;
  }
}

/**
 * Profiles by text, in two generations: what is used is in the younger one; when that is full it becomes the older one, and what was not used
 * since is forgotten. A look-up costs one hash of the text and never more than two.
 */
export class StatementProfiles {
  #young = new Map<string, StatementProfile>();
  #old = new Map<string, StatementProfile>();
  #characters = 0;

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The profile of a text, made when there is none; undefined for a text that is too long to be remembered. */
  of(text: string): StatementProfile | undefined {
    const found = this.#young.get(text);
    if (found !== undefined) return found;
    if (text.length > LONGEST_TEXT) return undefined;
    const kept = this.#old.get(text);
    if (kept !== undefined) this.#old.delete(text);
    return this.#keep(text, kept ?? new StatementProfile());
  }

  #keep(text: string, profile: StatementProfile): StatementProfile {
    if (this.#young.size >= GENERATION_TEXTS || this.#characters >= GENERATION_CHARACTERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
    }
    this.#young.set(text, profile);
    this.#characters += text.length;
    return profile;
  }
}
