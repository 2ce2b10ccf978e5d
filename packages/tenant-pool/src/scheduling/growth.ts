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
  /** Another connection has that long to open, and is then judged by what is seen in as long a time for each connection. */
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
/** Another connection has helped when statements are done sooner by at least that share of what one more that is used to the full would spare them. */
const HELPED = 0.5;

/** What was seen over some time. */
interface Seen {
  since: number;
  done: number;
  /** Looks, and statements in flight summed over them. */
  looks: number;
  inFlight: number;
}

interface Trial {
  readonly since: number;
  /** Before. */
  readonly connections: number;
  /** What a statement took with what it waited for on its connection, before. */
  readonly ms: number;
  isOpen: boolean;
}

/**
 * When a pool that answers short statements is to have another connection for them. What a statement takes grows with the connections where the server's
 * processors are what is short, and would ask for ever more of them: so each is tried, and one with which statements are not done sooner is given up
 * again. How soon they are done is read off how many are in flight and how many are done in a time (Little's law), so that it shows for callers who
 * send the next when the last is answered, and for those who send whatever is under way.
 */
export class Growth {
  readonly #rules: GrowthRules;
  #averageMs = 0;
  #looks = 0;
  #seen: Seen = { since: Number.NEGATIVE_INFINITY, done: 0, looks: 0, inFlight: 0 };
  /** What a statement took lately, by Little's law; undefined while that is not known. */
  #lateMs: number | undefined = undefined;
  #trial: Trial | undefined = undefined;
  #futile = 0;
  #restsUntil = 0;

  constructor(rules: GrowthRules) {
    this.#rules = rules;
  }

  /** A short statement took that long from its turn on. */
  note(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * WEIGHT;
    this.#seen.done++;
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
    let all = 0;
    for (const { open, inFlight } of candidates) {
      if (!open) continue;
      connections++;
      all += inFlight;
      least = Math.min(least, inFlight);
    }
    this.#seen.looks++;
    this.#seen.inFlight += all;
    this.#looks = wouldGrow({ connections, least, averageMs: this.#averageMs, late }, this.#rules) ? this.#looks + 1 : 0;
    if (this.#trial !== undefined) return this.#judge(this.#trial, connections, now);
    this.#measure(connections, now);
    if (this.#looks < LOOKS || !mayGrow) return undefined;
    // Up to so many connections are worth it by what this process can keep busy, whatever the server makes of it.
    if (least >= this.#rules.depth && connections < this.#rules.connections) {
      this.#looks = 0;
      this.#startAnew(now);
      return 'grow';
    }
    if (this.#lateMs === undefined || now < this.#restsUntil) return undefined;
    this.#looks = 0;
    this.#trial = { since: now, connections, ms: this.#lateMs, isOpen: false };
    this.#startAnew(now);
    return 'grow';
  }

  /** The more connections there are, the less another one changes, and the longer it takes to tell. */
  #windowMs(connections: number): number {
    return this.#rules.trialMs * connections;
  }

  #measure(connections: number, now: number): void {
    const passed = now - this.#seen.since;
    const window = this.#windowMs(connections);
    if (passed < window) return;
    // What was seen since a look of long ago says nothing.
    this.#lateMs = passed < 2 * window ? this.#statementMs(passed) : undefined;
    this.#startAnew(now, this.#lateMs);
  }

  #statementMs(passed: number): number | undefined {
    const { done, looks, inFlight } = this.#seen;
    return done === 0 ? undefined : ((inFlight / looks) * passed) / done;
  }

  #startAnew(now: number, lateMs?: number): void {
    this.#seen = { since: now, done: 0, looks: 0, inFlight: 0 };
    this.#lateMs = lateMs;
  }

  #judge(trial: Trial, connections: number, now: number): 'shrink' | undefined {
    const { trialMs, restMs, longestRestMs } = this.#rules;
    if (!trial.isOpen) {
      if (now - trial.since < trialMs) return undefined;
      trial.isOpen = true;
      this.#startAnew(now);
    }
    const passed = now - this.#seen.since;
    if (passed < this.#windowMs(connections)) return undefined;
    const ms = this.#statementMs(passed);
    this.#trial = undefined;
    this.#startAnew(now, ms);
    if (connections <= trial.connections || ms === undefined) return undefined;
    if (ms <= trial.ms * (1 - HELPED / (trial.connections + 1))) {
      this.#futile = 0;
      return undefined;
    }
    this.#restsUntil = now + Math.min(longestRestMs, restMs * 2 ** Math.min(this.#futile++, 20));
    return 'shrink';
  }
}
