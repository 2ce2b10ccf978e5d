import { homeNames, undoHome } from '@ultracore/tenant-database';
import type { UndoOutcome } from '../../translate/creation.ts';
import { connectUnderLease, isPooled } from '../connect-under-lease.ts';
import type { Effect } from '../effect.ts';

/**
 * Removes what the request made, and nothing that carries another request's comment. A request whose home was never fixed
 * has made nothing.
 */
export const removeHome: Effect = async ({ home, work, sessions }) => {
  const outcome: UndoOutcome = { cleanedUp: true };
  if (work.intended === null) return { outcome };
  const { database } = homeNames(home.tenantId, home.tier);
  if (!isPooled(database)) await sessions.end(database);
  await undoHome(connectUnderLease(sessions), home, { creationRecorded: true });
  return { outcome };
};
