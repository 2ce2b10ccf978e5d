import type { HomeObject } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { countCredentials } from '../../../store/credentials.ts';
import { inBookkeeping } from '../../judge.ts';

/** The tenant's sealed credentials in the bookkeeping, as something that a purge finds: none, or one object with their number. */
export async function keptCredentials(pool: Pool, tenantId: string): Promise<HomeObject[]> {
  const sealed = await inBookkeeping(countCredentials(pool, tenantId));
  return sealed === 0 ? [] : [{ kind: 'credentials', name: 'bookkeeping', counted: { sealed } }];
}
