import type { Field } from './backend.ts';

/** A statement that this connection has prepared, or is about to. */
export class Prepared {
  /** Never used again on the connection; '' is the unnamed statement. */
  readonly name: string;
  readonly text: string;
  /** Whether the server has said what it takes and returns. */
  described = false;
  parameterOids: readonly number[] = [];
  /** Undefined for a statement that returns no rows. */
  fields: readonly Field[] | undefined;
  lastUse = 0;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }
}

/** The named statements of one connection by text; the least recently used goes when there are too many. */
export class StatementCache {
  readonly #capacity: number;
  readonly #byText = new Map<string, Prepared>();
  #uses = 0;
  #names = 0;
  #closable: string[] = [];

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  find(text: string): Prepared | undefined {
    const prepared = this.#byText.get(text);
    if (prepared !== undefined) prepared.lastUse = ++this.#uses;
    return prepared;
  }

  peek(text: string): Prepared | undefined {
    return this.#byText.get(text);
  }

  add(text: string): Prepared {
    if (this.#byText.size >= this.#capacity) this.#dropOldest();
    const prepared = new Prepared(`uc${(this.#names++).toString(36)}`, text);
    prepared.lastUse = ++this.#uses;
    this.#byText.set(text, prepared);
    return prepared;
  }

  /** Forgets one, if it is still the one of its text. */
  drop(prepared: Prepared): void {
    if (this.#byText.get(prepared.text) !== prepared) return;
    this.#byText.delete(prepared.text);
    this.#closable.push(prepared.name);
  }

  /** The server has forgotten all of them. */
  clear(): void {
    this.#byText.clear();
    this.#closable = [];
  }

  /** Names that the server may forget; each is handed out once. */
  takeClosable(): readonly string[] {
    if (this.#closable.length === 0) return NONE;
    const names = this.#closable;
    this.#closable = [];
    return names;
  }

  #dropOldest(): void {
    let oldest: Prepared | undefined;
    for (const prepared of this.#byText.values()) {
      if (oldest === undefined || prepared.lastUse < oldest.lastUse) oldest = prepared;
    }
    if (oldest) this.drop(oldest);
  }
}

const NONE: readonly string[] = [];
