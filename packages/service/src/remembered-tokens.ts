import type { Principal } from './authenticator.ts';

interface Remembered {
  /** A copy: the token that somebody gives is a part of a longer text, which it would keep. */
  readonly token: string;
  readonly principal: Principal;
  /** In milliseconds since 1970. */
  readonly usableUntilMs: number;
}

/** Memory for tokens is bounded by what so many of this length take. */
const USUAL_CHARACTERS = 2048;

/**
 * Principals by token, in two generations: what is used is in the younger one; when that is full it becomes the older one, and what was not used
 * since is forgotten. So up to `most` tokens in use are all remembered (fewer, when they are very long), and never more than twice as many kept.
 */
export class RememberedTokens {
  readonly #most: number;
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();
  /** Of the younger ones together. */
  #characters = 0;

  constructor(most: number) {
    this.#most = most;
  }

  find(token: string): Principal | undefined {
    const young = this.#young.get(token);
    const found = young ?? this.#old.get(token);
    if (found === undefined) return undefined;
    if (Date.now() >= found.usableUntilMs) {
      this.#forget(token);
      return undefined;
    }
    if (young === undefined) {
      this.#old.delete(token);
      this.#keep(found);
    }
    return found.principal;
  }

  add(token: string, principal: Principal, usableUntilMs: number): void {
    this.#forget(token);
    this.#keep({ token: Buffer.from(token, 'latin1').toString('latin1'), principal, usableUntilMs });
  }

  #keep(remembered: Remembered): void {
    const { token } = remembered;
    if (this.#young.size >= this.#most || this.#characters + token.length > this.#most * USUAL_CHARACTERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
    }
    this.#young.set(token, remembered);
    this.#characters += token.length;
  }

  #forget(token: string): void {
    if (this.#young.delete(token)) this.#characters -= token.length;
    else this.#old.delete(token);
  }
}
