import type { Pool } from 'pg';
import {
  blockedTenants,
  listRollouts,
  listRolloutTenants,
  overdueTenants,
  progressOf,
  rolloutCandidates,
  runningRollout,
  stillWaiting,
  tenantsToAsk,
} from './rollout-progress.ts';

type QueryOf<Read extends (pool: Pool, query: never) => unknown> = Parameters<Read>[1];

/** What the API reads of rollouts, from one database. */
export const rolloutReading = (pool: Pool) => ({
  candidates: () => rolloutCandidates(pool),
  progress: (rolloutId: string) => progressOf(pool, rolloutId),
  list: (query: QueryOf<typeof listRollouts>) => listRollouts(pool, query),
  tenants: (query: QueryOf<typeof listRolloutTenants>) => listRolloutTenants(pool, query),
});

/** What leading a rollout has to know of it, from the same database. */
export const rolloutProgress = (pool: Pool) => ({
  running: () => runningRollout(pool),
  waves: (rolloutId: string) => progressOf(pool, rolloutId),
  waiting: (query: QueryOf<typeof stillWaiting>) => stillWaiting(pool, query),
  overdue: (query: QueryOf<typeof overdueTenants>) => overdueTenants(pool, query),
  toAsk: (place: QueryOf<typeof tenantsToAsk>) => tenantsToAsk(pool, place),
  blocked: (place: QueryOf<typeof blockedTenants>) => blockedTenants(pool, place),
});
