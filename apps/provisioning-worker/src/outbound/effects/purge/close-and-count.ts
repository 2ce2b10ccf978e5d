import { closeTenant, takeInventory } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { foundByAll } from '../../../provisioning/purge/found.ts';
import { readEarlierInventories } from '../../../store/purges.ts';
import { inBookkeeping } from '../../judge.ts';
import { purgeInventory, type PurgeInventory } from '../../translate/purge.ts';
import { connectUnderLease } from '../connect-under-lease.ts';
import type { Effect } from '../effect.ts';
import { keptCredentials } from './kept-credentials.ts';

/**
 * Closes the tenant's logins and ends its sessions, so that nothing is added any more; then counts everything there is. Kept with
 * the step: what a crash interrupts is removed later, and told as it was found. So is what an earlier purge removed before it failed.
 */
export function createCloseAndCount({ pool }: { pool: Pool }): Effect {
  return async ({ home, work, sessions }) => {
    const connect = connectUnderLease(sessions);
    await closeTenant(connect, home.tenantId);
    const found = await takeInventory(connect, home);
    const now = [...found, ...(await keptCredentials(pool, home.tenantId))];
    const earlier = await inBookkeeping(readEarlierInventories(pool, work.item));
    const outcome: PurgeInventory = { found: foundByAll([...earlier.map((each) => purgeInventory.parse(each).found), now]) };
    return { outcome };
  };
}
