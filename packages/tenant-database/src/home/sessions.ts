import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';

const LOOKS = 2;
/** A session that passed the LOGIN check a moment before NOLOGIN is not listed yet: one look without any proves nothing. */
const BETWEEN_LOOKS_MS = 100;
const DEADLINE_MS = 20_000;

/**
 * Ends the other sessions of the current user that carry this `application_name`, and waits until they are gone; returns how
 * many there were. Who takes over a lease does this first, so that nothing of the old holder is still under way. A tenant that
 * gave itself the same name is another user and not meant.
 * @throws TenantDatabaseError `still_in_use` when one outlives the deadline of 20 s.
 */
export async function endSessionsOf(connection: Connection, applicationName: string): Promise<number> {
  return endSessions(connection, 'usename = current_user and application_name = $1', applicationName, 1);
}

/** Ends every session of the roles, which must not be able to log in any more; returns how many were ended. */
export async function endSessionsOfRoles(connection: Connection, roles: readonly string[]): Promise<number> {
  return endSessions(connection, 'usename = any ($1)', roles, LOOKS);
}

async function endSessions(connection: Connection, which: string, value: unknown, looks: number): Promise<number> {
  const deadline = Date.now() + DEADLINE_MS;
  const ended = new Set<number>();
  for (let clean = 0; ;) {
    const { rows } = await connection.query<{ pid: number }>(
      `select pid, pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and ${which}`,
      [value],
    );
    for (const { pid } of rows) ended.add(pid);
    clean = rows.length === 0 ? clean + 1 : 0;
    if (clean === looks) return ended.size;
    if (Date.now() > deadline) {
      throw new TenantDatabaseError('still_in_use', `${rows.length} sessions did not end within ${DEADLINE_MS / 1000} s.`);
    }
    await sleep(clean === 0 ? 20 : BETWEEN_LOOKS_MS);
  }
}
