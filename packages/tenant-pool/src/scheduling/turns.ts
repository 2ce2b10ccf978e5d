/** What is to be known of one connection to choose which gives way to a tenant that waits. */
export interface Holding {
  /** Connections of its tenant on this server. */
  readonly held: number;
  /** Nothing runs on it and nobody has it. */
  readonly idle: boolean;
  /** Since when, while it is. */
  readonly idleSince: number;
  /** Already asked to give way, or not open yet: it cannot be chosen. */
  readonly taken: boolean;
  /** When its pool was last used. */
  readonly lastUsed: number;
  /** When its turn began. */
  readonly openedAt: number;
  readonly inFlight: number;
  /** When the turn of what runs on it came. */
  readonly headSince: number;
  /** How long its tenant usually leaves it unused; see `nextGap`. */
  readonly gapMs: number;
}

export interface TurnRules {
  readonly now: number;
  readonly share: number;
  /** Whether the tenant that waits holds less than its share. */
  readonly entitled: boolean;
  /** Whether it has waited for as long as a turn takes. */
  readonly patient: boolean;
  /** Whether the turn of a tenant that is busy may be ended now. */
  readonly mayInterrupt: boolean;
  /** An idle connection that long unused may be taken by anybody. */
  readonly staleAfterMs: number;
  /** One of several connections that a tenant is busy with is not asked to give way before it has served that long. */
  readonly tenureMs: number;
  /** How long a tenant keeps its only connection when others wait. */
  readonly turnMs: number;
  /** About what it costs to open another: an idle connection is left to its tenant for so long in any case. */
  readonly switchMs: number;
}

const NOBODY = 99;
/** A tenant that comes back that many times in a turn keeps its connection for the turn. */
const USES_IN_A_TURN = 4;

/**
 * How long a turn is: as long as it takes to open all connections of the budget one after another, so that ending turns leaves
 * most of the server to the work; within bounds, so that few connections do not go around all the time, and many do not stand still.
 */
export function turnMs(budget: number, switchMs: number, bounds: { readonly least: number; readonly most: number }): number {
  return Math.min(bounds.most, Math.max(bounds.least, budget * switchMs));
}

const GAP_WEIGHT = 0.3;

/**
 * The average of how long a tenant has had nothing to do before each of its requests, 0 for those that came while others of it waited or ran. It does
 * not depend on whether the tenant had a connection meanwhile, so one that gets few turns is not taken for one that has little to do.
 */
export function nextGap(gapMs: number, lastMs: number): number {
  return gapMs === Number.POSITIVE_INFINITY ? lastMs : gapMs + (lastMs - gapMs) * GAP_WEIGHT;
}

/**
 * Which connection gives way: an idle one that nobody has used for a while. For a tenant that is entitled to one also, in this order:
 * 1. of a tenant that holds more than its share: one of several that is idle; its only one, when the tenant is not likely to come back to it within its
 *    turn, or its turn is over; one of several that is soon done with what it does;
 * 2. of any other tenant, one that is idle and not likely to be used soon;
 * 3. the only one of a tenant that is busy, and whose turn is over: for who has waited as long as that, and few at a time;
 * 4. one of several that has long been at what it does.
 * Among several the one that is likely to be unused for longest, the tenant furthest above its share, or the longest turn. Undefined: nobody has to,
 * for now.
 */
export function chooseVictim<T extends Holding>(holdings: Iterable<T>, rules: TurnRules): T | undefined {
  let best: T | undefined;
  let bestRank = NOBODY;
  for (const holding of holdings) {
    const rank = rankOf(holding, rules);
    if (rank === NOBODY || rank > bestRank) continue;
    if (best === undefined || rank < bestRank || givesWayBefore(holding, best, rules.now)) {
      best = holding;
      bestRank = rank;
    }
  }
  return best;
}

function rankOf(holding: Holding, rules: TurnRules): number {
  const { now, share, entitled } = rules;
  if (holding.taken) return NOBODY;
  if (holding.idle && now - holding.lastUsed >= rules.staleAfterMs) return 1;
  if (!entitled) return NOBODY;
  const above = holding.held > share;
  if (above && holding.held > 1) return rankOfOneOfSeveral(holding, rules);
  if (holding.idle) {
    if (!isLeft(holding, rules)) return NOBODY;
    if (!above) return 6;
    return likelyUnused(holding, now) * USES_IN_A_TURN > rules.turnMs ? 3 : 4;
  }
  if (!above || !rules.patient || !rules.mayInterrupt || now - holding.openedAt < rules.turnMs) return NOBODY;
  return now - holding.headSince < rules.tenureMs ? 7 : 9;
}

function rankOfOneOfSeveral(holding: Holding, { now, tenureMs }: TurnRules): number {
  if (holding.idle) return 2;
  if (now - holding.openedAt < tenureMs) return NOBODY;
  return now - holding.headSince < tenureMs ? 5 : 8;
}

/**
 * Whether a tenant that is not busy is done with its only connection. What asks one thing after another is idle for a moment after each answer; to take
 * the connection away then would cost more than to wait for it.
 */
function isLeft(holding: Holding, { now, patient, turnMs: turn, switchMs }: TurnRules): boolean {
  const over = now - holding.openedAt >= turn;
  if (now - holding.idleSince < switchMs) return over && patient;
  return over || likelyUnused(holding, now) * USES_IN_A_TURN > turn;
}

/** How long an idle connection is likely to be without use in all: what has been idle for longer than usual has changed its ways. */
function likelyUnused({ gapMs, idleSince }: Holding, now: number): number {
  return Math.max(gapMs, now - idleSince);
}

function givesWayBefore(a: Holding, b: Holding, now: number): boolean {
  if (a.idle) {
    const [unusedA, unusedB] = [likelyUnused(a, now), likelyUnused(b, now)];
    return unusedA === unusedB ? a.lastUsed < b.lastUsed : unusedA > unusedB;
  }
  if (a.held !== b.held) return a.held > b.held;
  if (a.held > 1 && a.inFlight !== b.inFlight) return a.inFlight < b.inFlight;
  return a.openedAt < b.openedAt;
}
