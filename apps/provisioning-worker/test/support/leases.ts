import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';

/** Waits until nobody holds a tenant: what looks homes over from time to time holds them for a moment too. */
export async function untilNoLease(pool: Pick<Pool, 'query'>): Promise<void> {
  await waitFor(async () => (await pool.query('select 1 from worker.tenant_lease')).rows.length === 0, {
    what: 'the leases to be given back',
  });
}

/** Waits until every home's logins are known to be treated as its newest row wants it. */
export async function untilSettled(pool: Pick<Pool, 'query'>): Promise<void> {
  const due = `select 1 from worker.directory_row where repair_at is not null or wanted <> coalesce(applied, '')`;
  await waitFor(async () => (await pool.query(due)).rows.length === 0, { what: 'every login to be as wanted' });
}
