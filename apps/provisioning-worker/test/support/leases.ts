import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';

/** Waits until nobody holds a tenant: what looks homes over from time to time holds them for a moment too. */
export async function untilNoLease(pool: Pick<Pool, 'query'>): Promise<void> {
  await waitFor(async () => (await pool.query('select 1 from worker.tenant_lease')).rows.length === 0, {
    what: 'the leases to be given back',
  });
}
