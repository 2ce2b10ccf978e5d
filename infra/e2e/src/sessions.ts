import type { Stack } from '@ultracore/local';
import { waitFor } from '@ultracore/testkit';
import { withClient } from './homes.ts';

export interface Session {
  readonly pid: number;
  readonly state: string;
  readonly query: string;
  /** What it waits for, e.g. `ClientWrite` while its caller reads no further. */
  readonly waitsFor: string | null;
}

/** Connections that a tenant's two logins have to Postgres, as a superuser sees them. */
export function sessionsOf(stack: Stack, tenantId: string): Promise<Session[]> {
  const login = `uc_${tenantId.replaceAll('-', '_')}`;
  return withClient({ stack }, async (client) => {
    const { rows } = await client.query<Session>(
      `select pid, state, query, wait_event as "waitsFor" from pg_stat_activity where usename = any($1)`,
      [[login, `${login}__ro`]],
    );
    return rows;
  });
}

/** Waits until nothing runs for the tenant any more. */
export const untilQuiet = (stack: Stack, tenantId: string): Promise<unknown> =>
  waitFor(async () => (await sessionsOf(stack, tenantId)).every(({ state }) => state === 'idle'), {
    what: `nothing to run for ${tenantId}`,
  });

/** Ends all of the tenant's connections from the server's side. */
export const terminateSessions = (stack: Stack, pids: readonly number[]): Promise<unknown> =>
  withClient({ stack }, (client) => client.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [pids]));
