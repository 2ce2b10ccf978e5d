import { closeTenant, takeInventory } from '@ultracore/tenant-database';
import type { PurgeInventory } from '../../translate/purge.ts';
import { connectUnderLease } from '../connect-under-lease.ts';
import type { Effect } from '../effect.ts';

/**
 * Closes the tenant's logins and ends its sessions, so that nothing is added any more; then counts everything there is. Kept with
 * the step: what a crash interrupts is removed later, and told as it was found.
 */
export const closeAndCount: Effect = async ({ home, sessions }) => {
  const connect = connectUnderLease(sessions);
  await closeTenant(connect, home.tenantId);
  const outcome: PurgeInventory = { found: await takeInventory(connect, home) };
  return { outcome };
};
