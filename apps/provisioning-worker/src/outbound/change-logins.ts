import type { Pool } from 'pg';
import { forgetApplied } from '../store/homes.ts';
import type { TenantLease } from '../store/leases.ts';
import { inBookkeeping } from './judge.ts';
import { LeaseLostError } from './sessions.ts';

/**
 * Changes how a home's logins are treated: verifiers, limits, LOGIN. It is written first that this is not known any more, so that
 * a change which is cut short is not forgotten when what was wanted before is wanted again.
 * @throws LeaseLostError with nothing changed.
 */
export async function changeLogins(pool: Pool, lease: TenantLease, change: () => Promise<unknown>): Promise<void> {
  if (!(await inBookkeeping(forgetApplied(pool, lease)))) throw new LeaseLostError(`The lease ${lease.token} is lost.`);
  await change();
}
