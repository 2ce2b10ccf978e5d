import {
  ADMIN_DATABASE,
  createDatabase,
  createRoles,
  createSchema,
  homeNames,
  SHARED_DATABASE,
} from '@ultracore/tenant-database';
import type { ClaimFromStock } from '../../stock/claim-from-stock.ts';
import type { Effect } from '../effect.ts';

/**
 * Makes both login roles, which cannot log in yet, and the place they are for: an enterprise tenant's database, a standard
 * tenant's schema. Of a small tenant there is nothing to make but the roles. What the stock had is looked over in the same way as what
 * an earlier try has made.
 */
export function createMakeHome({ claimFromStock }: { claimFromStock: ClaimFromStock }): Effect {
  return async (context) => {
    const { home, sessions, work, onBoundary } = context;
    const stock = await claimFromStock(context);
    const roles = await createRoles(await sessions.get(home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE), home);
    onBoundary('home:roles');
    switch (home.tier) {
      case 'enterprise': {
        const creationRecorded = work.intended !== null;
        const database = await createDatabase(await sessions.get(ADMIN_DATABASE), home, { creationRecorded });
        onBoundary('home:database');
        const schema = await createSchema(await sessions.get(homeNames(home.tenantId, home.tier).database), home);
        return { outcome: { stock, roles, database, schema } };
      }
      case 'standard':
        return { outcome: { stock, roles, schema: await createSchema(await sessions.get(SHARED_DATABASE), home) } };
      case 'small':
        return { outcome: { roles } };
      default:
        return home.tier satisfies never;
    }
  };
}
