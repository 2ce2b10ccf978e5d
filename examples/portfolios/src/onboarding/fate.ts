import { deadLetter, retryAfter, type Fate } from '@ultracore/kafka';
import { DatabaseError } from '../database/database-error.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
/** About five minutes. A gateway may hear of a new tenant a moment after we do; it need not be waited for beyond that. */
const MOST_ATTEMPTS = 18;

const waitMs = (attempt: number): number => Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));

/**
 * What becomes of a message whose work failed. What concerns everybody is waited out: nothing else could be done meanwhile. What concerns one
 * tenant is tried for a while and then put aside, because the partition has other tenants in it. Anything that is not a `DatabaseError` is a
 * bug, and thrown on.
 */
export const fateOf = (error: unknown, attempt: number): Fate => {
  if (!(error instanceof DatabaseError)) throw error;
  const reason = `${error.code}: ${error.message}`;
  const isWaitedOut = error.fault === 'unavailable' || (error.fault !== 'rejected' && attempt < MOST_ATTEMPTS);
  return isWaitedOut ? retryAfter(Math.max(error.retryAfterMs ?? 0, waitMs(attempt)), reason) : deadLetter(reason);
};
