import type { z } from 'zod';
import type { WaveProgress } from '../../rollout/commands.ts';
import type { Wave } from '../../rollout/events.ts';
import type { Plan } from '../../rollout/plan.ts';
import type { ExistingRollout } from '../../rollout/state.ts';
import { MOST_SKIPPED_SHOWN, type rolloutPlan, type RolloutView } from './rollout-schemas.ts';

/** A rollout as a caller may see it. A wave that no row is known of yet is one in which everybody waits. */
export function toRolloutView(state: ExistingRollout, progress: readonly (WaveProgress & { wave: number })[]): RolloutView {
  return {
    rollout_id: state.rolloutId,
    target_version: state.targetVersion,
    reason: state.reason,
    status: state.status,
    attempt: state.attempt,
    wave: state.wave,
    planned_by: state.plannedBy,
    planned_at: state.plannedAt,
    concurrency: state.concurrency,
    max_failure_share: state.maxFailureShare,
    give_up_after_minutes: state.giveUpAfterMinutes,
    waves: state.waves.map(({ tiers, tenants }, wave) => {
      const known = progress.find((each) => each.wave === wave);
      const { waiting, running, done, failed, skipped } = known ?? {
        waiting: tenants,
        running: 0,
        done: 0,
        failed: 0,
        skipped: 0,
      };
      return { wave, tiers: [...tiers], tenants, waiting, running, done, failed, skipped };
    }),
    left_out: state.leftOut.map((each) => ({ ...each })),
    stopped: state.status === 'stopped' ? state.stop : null,
    completed_at: state.status === 'completed' ? state.completedAt : null,
    story: state.story.map((entry) => ({ ...entry })),
  };
}

/** A plan that is not carried out. */
export function toPlanView(targetVersion: string, plan: Plan): z.infer<typeof rolloutPlan> {
  const waves = plan.waves.map((wave, n) => {
    const byTier: Partial<Record<Wave['groups'][number]['tier'], number>> = {};
    for (const { tier, tenants } of wave.groups) byTier[tier] = (byTier[tier] ?? 0) + tenants.length;
    return {
      wave: n,
      tenants: tenantsOf(wave).length,
      by_tier: byTier,
      servers: [...new Set(wave.groups.map(({ server }) => server))],
    };
  });
  const [canary] = plan.waves;
  return {
    target_version: targetVersion,
    tenants: waves.reduce((sum, { tenants }) => sum + tenants, 0),
    waves,
    canary: canary ? tenantsOf(canary) : [],
    left_out: plan.leftOut.map((each) => ({ ...each })),
    skipped: plan.skipped.slice(0, MOST_SKIPPED_SHOWN).map(({ tenantId, code }) => ({ tenant_id: tenantId, code })),
  };
}

const tenantsOf = ({ groups }: Wave): string[] => groups.flatMap(({ tenants }) => tenants);
