import type { SharedAsk } from '../pool/shared-ask.ts';

/** A statement that takes no longer is short: others may be sent behind it. */
export const SHORT_MS = 5;
/** Texts longer than this are not remembered: they are rare, and would be what memory goes to. */
const LONGEST_TEXT = 8_192;
const GENERATION_TEXTS = 256;
const GENERATION_CHARACTERS = 256 * 1_024;

/** A text whose time could not be measured well counts as short after so many runs that looked it. */
const RUNS_IN_DOUBT = 3;

/** What a pool has learnt of one statement text. */
export class StatementProfile {
  /** Completed runs. */
  runs = 0;
  /** Types of the parameters, once the server was asked. */
  parameters: readonly number[] | undefined = undefined;
  /** While it is asked. */
  asking: SharedAsk<readonly number[]> | undefined = undefined;
  /** Leans to the short side, because what disturbs a measurement only ever adds to it. */
  #typicalMs = 0;
  #inDoubt = 0;

  /** Takes note of a run that took `ms`, of which up to `lagMs` may have been this process's own delay. */
  learn(ms: number, lagMs = 0): void {
    const least = Math.max(0, ms - lagMs);
    if (this.runs === 0) this.#typicalMs = least;
    else this.#typicalMs += (least - this.#typicalMs) * (least < this.#typicalMs ? 0.5 : 0.1);
    this.#inDoubt = ms <= SHORT_MS ? RUNS_IN_DOUBT : this.#inDoubt + 1;
    this.runs++;
  }

  /** Whether its time is known well enough to say whether it is short. */
  get known(): boolean {
    return this.#inDoubt >= RUNS_IN_DOUBT || this.#typicalMs > SHORT_MS;
  }

  get isShort(): boolean {
    return this.known && this.#typicalMs <= SHORT_MS;
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
