import { ADMIN_DATABASE, inspectHome, SHARED_DATABASE, TenantDatabaseError } from '@ultracore/tenant-database';
import type { Effect } from '../effect.ts';

/** Both logins are there and this home's: found out before a new password is announced, while the old one is certainly in force. */
export const checkLogins: Effect = async ({ home, sessions }) => {
  const session = await sessions.get(home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
  const { role, readonlyRole } = await inspectHome(session, home);
  if (!role.exists || !readonlyRole.exists) {
    throw new TenantDatabaseError(
      'foreign_object',
      `A login of ${home.tenantId} does not exist: there is no password to rotate.`,
    );
  }
  if (!role.ours || !readonlyRole.ours) {
    throw new TenantDatabaseError('foreign_object', `A login named like one of ${home.tenantId} is not its home's.`);
  }
  return { outcome: {} };
};
