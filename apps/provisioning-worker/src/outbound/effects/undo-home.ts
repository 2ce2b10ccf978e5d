import { ADMIN_DATABASE, homeNames, SHARED_DATABASE, undoHome, type Connect } from '@ultracore/tenant-database';
import type { Sessions } from '../sessions.ts';
import type { UndoOutcome } from '../translate.ts';
import type { Effect } from './effect.ts';

/**
 * Removes what the request made, and nothing that carries another request's comment. A request whose home was never fixed
 * has made nothing.
 */
export const removeHome: Effect = async ({ home, work, sessions }) => {
  const outcome: UndoOutcome = { cleanedUp: true };
  if (work.intended === null) return { outcome };
  const { database } = homeNames(home.tenantId, home.tier);
  if (!isPooled(database)) await sessions.end(database);
  await undoHome(underLease(sessions), home, { creationRecorded: true });
  return { outcome };
};

const isPooled = (database: string): boolean => database === ADMIN_DATABASE || database === SHARED_DATABASE;

/** Connections under the lease. One to a tenant's own database is closed after use, so that the database can be dropped. */
function underLease(sessions: Sessions): Connect {
  return async (database) => {
    const session = await sessions.get(database);
    return {
      query: session.query.bind(session),
      end: () => (isPooled(database) ? Promise.resolve() : sessions.end(database)),
    };
  };
}
