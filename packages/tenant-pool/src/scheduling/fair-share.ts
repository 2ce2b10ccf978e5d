/**
 * Max-min fair share of `budget` among demands (water filling): the level at which every demand gets the smaller of itself and the level, and
 * all of the budget is given away. Infinity when every demand fits. Whoever holds no more than the level is never asked to give up anything.
 */
export function fairShare(budget: number, demands: readonly number[]): number {
  const ascending = [...demands].sort((a, b) => a - b);
  let left = budget;
  for (const [index, demand] of ascending.entries()) {
    const level = left / (ascending.length - index);
    if (demand > level) return level;
    left -= demand;
  }
  return Number.POSITIVE_INFINITY;
}

/** What is to be known of one connection to choose which gives way to a tenant that waits. */
export interface Holding {
  /** Connections of its tenant on this server. */
  readonly held: number;
  /** Nothing runs on it and nobody has it. */
  readonly idle: boolean;
  /** Already asked to give way, or not open yet: it cannot be chosen. */
  readonly taken: boolean;
  /** When its pool was last used. */
  readonly lastUsed: number;
  readonly openedAt: number;
  readonly inFlight: number;
}

export interface VictimRules {
  readonly now: number;
  readonly share: number;
  /** Whether the tenant that waits holds less than its share. */
  readonly entitled: boolean;
  /** An idle connection that long unused may be taken by anybody. */
  readonly staleAfterMs: number;
  /** A busy connection is not asked to give way before it has served that long, or two tenants would only open and close. */
  readonly tenureMs: number;
}

/**
 * Which connection gives way: the idle one of the least recently used pool; and when all are busy and the waiting tenant is entitled, one of
 * the tenant that is furthest above its share, the one with the least to finish. Undefined: nobody has to, for now.
 */
export function chooseVictim<T extends Holding>(holdings: Iterable<T>, rules: VictimRules): T | undefined {
  let idle: T | undefined;
  let busy: T | undefined;
  for (const holding of holdings) {
    if (holding.taken) continue;
    if (holding.idle) {
      const free = rules.entitled || rules.now - holding.lastUsed >= rules.staleAfterMs;
      if (free && (idle === undefined || holding.lastUsed < idle.lastUsed)) idle = holding;
    } else if (rules.entitled && holding.held > rules.share && rules.now - holding.openedAt >= rules.tenureMs) {
      if (busy === undefined || givesWayBefore(holding, busy)) busy = holding;
    }
  }
  return idle ?? busy;
}

function givesWayBefore(a: Holding, b: Holding): boolean {
  if (a.held !== b.held) return a.held > b.held;
  if (a.inFlight !== b.inFlight) return a.inFlight < b.inFlight;
  return a.openedAt < b.openedAt;
}
