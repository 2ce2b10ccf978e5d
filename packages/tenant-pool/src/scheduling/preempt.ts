/** What is to be known of one connection to choose whose work is cancelled for others. */
export interface Occupied {
  readonly tenant: object;
  /** Connections of its tenant on this server. */
  readonly held: number;
  readonly inFlight: number;
  /** When the turn of what runs on it came. */
  readonly headSince: number;
  /** What runs on it is being cancelled already. */
  readonly preempted: boolean;
}

export interface PreemptRules {
  readonly now: number;
  readonly share: number;
  /** What has run for so long is long. */
  readonly longMs: number;
  /** Connections on which something long may run while others wait. */
  readonly most: number;
}

/**
 * On which connection work is cancelled, for a tenant that has waited for a connection in vain: on none while there is something long on no more than
 * `most` connections, so that what is short has the others by turns, and what is long is not ended whenever somebody waits. Otherwise, of those tenants that
 * hold more than their share, the one with the most of them loses what has run for longest.
 */
export function choosePreempted<T extends Occupied>(
  occupied: readonly T[],
  { now, share, longMs, most }: PreemptRules,
): T | undefined {
  const long = occupied.filter((each) => each.inFlight > 0 && !each.preempted && now - each.headSince >= longMs);
  if (long.length <= most) return undefined;
  const counts = new Map<object, number>();
  for (const { tenant } of long) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  let chosen: T | undefined;
  for (const each of long) {
    if (each.held <= share) continue;
    const more = chosen === undefined ? 1 : (counts.get(each.tenant) ?? 0) - (counts.get(chosen.tenant) ?? 0);
    if (chosen === undefined || more > 0 || (more === 0 && each.headSince < chosen.headSince)) chosen = each;
  }
  return chosen;
}
