import { homeNames, listRequestsOf, removeRows, TenantDatabaseError, undoHome } from '@ultracore/tenant-database';
import { connectUnderLease, isPooled } from '../connect-under-lease.ts';
import type { Effect } from '../effect.ts';

/**
 * Drops the tenant's home, and what any earlier request of this tenant left. Only what carries the tenant's comment goes; what
 * merely has its name is for `prove` to find.
 */
export const removeEverything: Effect = async ({ home, sessions, onBoundary }) => {
  const connect = connectUnderLease(sessions);
  const { database } = homeNames(home.tenantId, home.tier);
  if (!isPooled(database)) await sessions.end(database);
  if (home.tier === 'small') {
    await removeRows(connect, home.tenantId);
    onBoundary('remove:rows');
  }
  const requests = new Set([home.requestId, ...(await listRequestsOf(connect, home.tenantId))]);
  for (const requestId of requests)
    await undoHome(connect, { ...home, requestId }, { creationRecorded: false }).catch(leaveToProof);
  return { outcome: {} };
};

/** What cannot be removed keeps nothing else from being removed. */
function leaveToProof(error: unknown): void {
  if (!(error instanceof TenantDatabaseError) || error.code !== 'left_over') throw error;
}
