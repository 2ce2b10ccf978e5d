import { ADMIN_DATABASE, SHARED_DATABASE, type Connect } from '@ultracore/tenant-database';
import type { Sessions } from '../sessions.ts';

/** Whether sessions in a database are kept for the next tenant; every other may have to be dropped. */
export const isPooled = (database: string): boolean => database === ADMIN_DATABASE || database === SHARED_DATABASE;

/** Connections under the lease. One to a tenant's own database is closed after use, so that the database can be dropped. */
export function connectUnderLease(sessions: Sessions): Connect {
  return async (database) => {
    const session = await sessions.get(database);
    return {
      query: session.query.bind(session),
      end: () => (isPooled(database) ? Promise.resolve() : sessions.end(database)),
    };
  };
}
