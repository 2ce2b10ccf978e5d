import { closeTenant } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import type { BoundaryName } from '../provisioning/boundaries.ts';
import { forgetApplied } from '../store/homes.ts';
import type { TenantLease } from '../store/leases.ts';
import { connectUnderLease } from './effects/connect-under-lease.ts';
import { inBookkeeping } from './judge.ts';
import { LeaseLostError, type Sessions } from './sessions.ts';

/**
 * Changes how a home's logins are treated: verifiers, limits, LOGIN. It is written first that this is not known any more, so that
 * a change which is cut short is not forgotten when what was wanted before is wanted again.
 * @throws LeaseLostError with nothing changed.
 */
export async function changeLogins(pool: Pool, lease: TenantLease, change: () => Promise<unknown>): Promise<void> {
  if (!(await inBookkeeping(forgetApplied(pool, lease)))) throw new LeaseLostError(`The lease ${lease.token} is lost.`);
  await change();
}

export interface ClosingOptions {
  readonly pool: Pool;
  readonly lease: TenantLease;
  readonly sessions: Sessions;
  readonly onBoundary: (name: BoundaryName) => void;
}

/**
 * Closes what logins there are of a tenant, and ends their sessions: when it returns nobody is in, and nobody can enter.
 * @throws LeaseLostError with nothing changed; TenantDatabaseError `still_in_use`.
 */
export function closeLogins({ pool, lease, sessions, onBoundary }: ClosingOptions): Promise<void> {
  return changeLogins(pool, lease, async () => {
    onBoundary('closing:before');
    await closeTenant(connectUnderLease(sessions), lease.tenantId);
    onBoundary('closing:after');
  });
}
