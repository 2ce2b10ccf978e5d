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
  /** Another connection has that long to open, and is then judged by what is done in the same time. */
  readonly trialMs: number;
  /** After one that did not help no other is tried for that long, and each time for twice as long. */
  readonly restMs: number;
  readonly longestRestMs: number;
}

/** Whether short statements would be done sooner with another connection. */
export function wouldGrow(load: Load, rules: Pick<GrowthRules, 'depth' | 'connections' | 'backlogMs'>): boolean {
  if (load.connections === 0) return false;
  if (load.least >= rules.depth && load.connections < rules.connections) return true;
  return !load.late && load.least > 1 && load.least * load.averageMs > rules.backlogMs;
}

/** So many looks in a row have to find that another connection would help. */
const LOOKS = 3;
const WEIGHT = 0.02;
/** Another connection has helped when its part of all that is done is at least that share of what another one's was. */
const HELPED = 0.5;

interface Trial {
  readonly since: number;
  /** Before. */
  readonly connections: number;
  /** Statements a millisecond, before. */
  readonly rate: number;
  /** What was done by when the new one had had its time to open. */
  done: number | undefined;
}

/**
 * When a pool that answers short statements is to have another connection for them. What a statement takes grows with the connections where the server's
 * processors are what is short, and would ask for ever more of them: so each is tried, and one with which no more is done is given up again.
 */
export class Growth {
  readonly #rules: GrowthRules;
  #averageMs = 0;
  #looks = 0;
  #done = 0;
  #lookedAt = 0;
  #lookedDone = 0;
  #rate = 0;
  #trial: Trial | undefined = undefined;
  #futile = 0;
  #restsUntil = 0;

  constructor(rules: GrowthRules) {
    this.#rules = rules;
  }

  /** A short statement took that long from its turn on. */
  note(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * WEIGHT;
    this.#done++;
  }

  /**
   * Looks at the connections as they are at this moment: whether to open one more, where that is possible now (`mayGrow`), or to close one that has not
   * helped.
   */
  look(
    candidates: readonly Candidate[],
    { late, mayGrow, now }: { readonly late: boolean; readonly mayGrow: boolean; readonly now: number },
  ): 'grow' | 'shrink' | undefined {
    let connections = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const { open, inFlight } of candidates) {
      if (!open) continue;
      connections++;
      least = Math.min(least, inFlight);
    }
    this.#measure(now);
    this.#looks = wouldGrow({ connections, least, averageMs: this.#averageMs, late }, this.#rules) ? this.#looks + 1 : 0;
    if (this.#trial !== undefined) return this.#judge(this.#trial, connections, now);
    if (this.#looks < LOOKS || !mayGrow) return undefined;
    // Up to so many connections are worth it by what this process can keep busy, whatever the server makes of it.
    if (least >= this.#rules.depth && connections < this.#rules.connections) {
      this.#looks = 0;
      return 'grow';
    }
    if (this.#rate === 0 || now < this.#restsUntil) return undefined;
    this.#looks = 0;
    this.#trial = { since: now, connections, rate: this.#rate, done: undefined };
    return 'grow';
  }

  #measure(now: number): void {
    if (now - this.#lookedAt < this.#rules.trialMs) return;
    // What was done since a look of long ago says nothing.
    this.#rate = now - this.#lookedAt < 2 * this.#rules.trialMs ? (this.#done - this.#lookedDone) / (now - this.#lookedAt) : 0;
    this.#lookedAt = now;
    this.#lookedDone = this.#done;
  }

  #judge(trial: Trial, connections: number, now: number): 'shrink' | undefined {
    const { trialMs, restMs, longestRestMs } = this.#rules;
    const passed = now - trial.since;
    if (passed < trialMs) return undefined;
    trial.done ??= this.#done;
    if (passed < 2 * trialMs) return undefined;
    this.#trial = undefined;
    if (connections <= trial.connections) return undefined;
    const rate = (this.#done - trial.done) / (passed - trialMs);
    if (this.#looks === 0 || rate >= trial.rate * (1 + HELPED / trial.connections)) {
      this.#futile = 0;
      return undefined;
    }
    this.#restsUntil = now + Math.min(longestRestMs, restMs * 2 ** Math.min(this.#futile++, 20));
    return 'shrink';
  }
}
