/** A connection as the choice sees it. */
export interface Candidate {
  /** Open, with nothing on it that must be alone, and not asked to take no new work. */
  readonly open: boolean;
  readonly inFlight: number;
  /** When the turn of the oldest statement in flight came. Means nothing while there is none. */
  readonly headSince: number;
}

export interface ChoiceRules {
  readonly now: number;
  /** A connection whose oldest statement has run longer gets nothing behind it. */
  readonly patienceMs: number;
  /** Statements in flight on one connection at most. */
  readonly depth: number;
}

/** The connection with the least in flight that a short statement may be sent to now. */
export function chooseBackend<T extends Candidate>(candidates: readonly T[], rules: ChoiceRules): T | undefined {
  let best: T | undefined;
  let least = rules.depth;
  for (const candidate of candidates) {
    const { inFlight } = candidate;
    if (inFlight >= least || !candidate.open) continue;
    if (inFlight === 0) return candidate;
    if (rules.now - candidate.headSince > rules.patienceMs) continue;
    best = candidate;
    least = inFlight;
  }
  return best;
}

/** A connection for a statement that must be alone on it: one with nothing in flight. */
export function chooseIdle<T extends Candidate>(candidates: readonly T[]): T | undefined {
  return candidates.find((candidate) => candidate.open && candidate.inFlight === 0);
}
