import type { Pool } from 'pg';
import type { Tier } from '../tenant/facts.ts';

/**
 * The newest version that a rollout over all tenants of a tier has proven: one that was completed, or that runs and is past its canary.
 * Undefined when there is none. A moment behind the rollouts' streams.
 */
export async function provenVersion(pool: Pool, tier: Tier): Promise<string | undefined> {
  const result = await pool.query<{ version: string | null }>(
    `select max(target_version collate "C") as version from rollouts
     where $1 = any (whole_tiers) and (status = 'completed' or status = 'running' and wave > 0)`,
    [tier],
  );
  return result.rows[0]?.version ?? undefined;
}
