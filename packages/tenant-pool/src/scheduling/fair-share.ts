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
  /** When the turn of what runs on it came. */
  readonly headSince: number;
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
 * Which connection gives way: an idle one that nobody has used for a while. For a tenant that is entitled to one also, in this order, one of a tenant
 * that holds more than its share, idle or soon done with what it does, and any other idle one. Among several the pool least recently used, or
 * the tenant furthest above its share. Undefined: nobody has to, for now.
 */
export function chooseVictim<T extends Holding>(holdings: Iterable<T>, rules: VictimRules): T | undefined {
  let best: T | undefined;
  let bestRank = NOBODY;
  for (const holding of holdings) {
    const rank = rankOf(holding, rules);
    if (rank === NOBODY || rank > bestRank) continue;
    if (best === undefined || rank < bestRank || givesWayBefore(holding, best)) {
      best = holding;
      bestRank = rank;
    }
  }
  return best;
}

const NOBODY = 9;

function rankOf(holding: Holding, { now, share, entitled, staleAfterMs, tenureMs }: VictimRules): number {
  if (holding.taken) return NOBODY;
  if (holding.idle && now - holding.lastUsed >= staleAfterMs) return 1;
  if (!entitled) return NOBODY;
  const above = holding.held > share;
  if (holding.idle) return above ? 2 : 4;
  if (!above || now - holding.openedAt < tenureMs) return NOBODY;
  return now - holding.headSince < tenureMs ? 3 : 5;
}

function givesWayBefore(a: Holding, b: Holding): boolean {
  if (a.idle) return a.lastUsed < b.lastUsed;
  if (a.held !== b.held) return a.held > b.held;
  if (a.inFlight !== b.inFlight) return a.inFlight < b.inFlight;
  return a.openedAt < b.openedAt;
}
