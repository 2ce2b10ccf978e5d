import { closeTenant, takeInventory } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import type { PurgeInventory } from '../../translate/purge.ts';
import { connectUnderLease } from '../connect-under-lease.ts';
import type { Effect } from '../effect.ts';
import { keptCredentials } from './kept-credentials.ts';

/**
 * Closes the tenant's logins and ends its sessions, so that nothing is added any more; then counts everything there is. Kept with
 * the step: what a crash interrupts is removed later, and told as it was found.
 */
export function createCloseAndCount({ pool }: { pool: Pool }): Effect {
  return async ({ home, sessions }) => {
    const connect = connectUnderLease(sessions);
    await closeTenant(connect, home.tenantId);
    const found = await takeInventory(connect, home);
    const outcome: PurgeInventory = { found: [...found, ...(await keptCredentials(pool, home.tenantId))] };
    return { outcome };
  };
}
