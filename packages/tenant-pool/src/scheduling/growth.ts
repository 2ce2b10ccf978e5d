import type { Candidate } from './choose-backend.ts';

export interface Load {
  /** Connections that take short statements now. */
  readonly connections: number;
  /** Statements in flight on the one with the least. */
  readonly least: number;
  /** What a short statement takes on average, in milliseconds. */
  readonly averageMs: number;
  /** This process is late: more connections would not be served any faster. */
  readonly late: boolean;
}

export interface GrowthRules {
  /** So many in flight even on the least loaded connection are worth another one, up to so many connections. */
  readonly depth: number;
  readonly connections: number;
  /** So is a pipeline that takes that long in all, with however many connections. */
  readonly backlogMs: number;
}

/** Whether short statements would be done sooner with another connection. */
export function wouldGrow(load: Load, rules: GrowthRules): boolean {
  if (load.connections === 0) return false;
  if (load.least >= rules.depth && load.connections < rules.connections) return true;
  return !load.late && load.least > 1 && load.least * load.averageMs > rules.backlogMs;
}

/** So many looks in a row have to find that another connection would help. */
const LOOKS = 3;
const WEIGHT = 0.02;

/** When a pool that answers short statements is to have another connection for them. */
export class Growth {
  readonly #rules: GrowthRules;
  #averageMs = 0;
  #looks = 0;

  constructor(rules: GrowthRules) {
    this.#rules = rules;
  }

  /** A short statement took that long from its turn on. */
  note(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * WEIGHT;
  }

  /** Looks at the connections as they are at this moment. */
  isDue(candidates: readonly Candidate[], late: boolean): boolean {
    let connections = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const { open, inFlight } of candidates) {
      if (!open) continue;
      connections++;
      least = Math.min(least, inFlight);
    }
    this.#looks = wouldGrow({ connections, least, averageMs: this.#averageMs, late }, this.#rules) ? this.#looks + 1 : 0;
    if (this.#looks < LOOKS) return false;
    this.#looks = 0;
    return true;
  }
}
