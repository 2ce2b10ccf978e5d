import type { Pool } from 'pg';
import { forgetCredentials } from '../../../store/credentials.ts';
import { inBookkeeping } from '../../judge.ts';
import type { Effect } from '../effect.ts';

/** Deletes every sealed credential of the tenant from the bookkeeping. */
export function createForgetCredentials({ pool }: { pool: Pool }): Effect {
  return async ({ item }) => {
    await inBookkeeping(forgetCredentials(pool, item));
    return { outcome: {} };
  };
}
