import { ack, deadLetter, retryAfter, type Fate } from '@ultracore/kafka';
import { DatabaseError } from '../database/database-error.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
/** Waits of some three minutes together. */
const MOST_ATTEMPTS = 12;
/** By then every gateway has heard of a tenant that we hear of. */
const NEWS_MS = 60_000;

/** How a tenant is refused that has gone, or never was where we are. */
const GONE = new Set(['tenant_not_active', 'tenant_unknown', 'unknown_tenant']);

export interface Attempt {
  /** 1 for the first. */
  readonly attempt: number;
  /** Of the message. */
  readonly ageMs: number;
}

/**
 * What becomes of a message whose work failed. What concerns everybody is waited out: nothing else could be done meanwhile. What concerns one
 * tenant is tried for a while and then put aside, because the partition has other tenants in it; a tenant of an old message that is refused
 * will not be served by waiting, and one that has gone needs nothing. Anything that is not a `DatabaseError` is a bug, and thrown on.
 */
export const fateOf = (error: unknown, { attempt, ageMs }: Attempt): Fate => {
  if (!(error instanceof DatabaseError)) throw error;
  const { code, fault, message, retryAfterMs = 0 } = error;
  const reason = `${code}: ${message}`;
  const isOld = ageMs > NEWS_MS;
  if (fault === 'refused' && isOld && GONE.has(code)) return ack();
  const isHopeless =
    fault === 'rejected' || (fault === 'refused' && isOld) || (fault !== 'unavailable' && attempt >= MOST_ATTEMPTS);
  if (isHopeless) return deadLetter(reason);
  return retryAfter(Math.max(retryAfterMs, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1))), reason);
};
