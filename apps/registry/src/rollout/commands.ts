import type { Tier } from '../tenant/facts.ts';
import type { LeftOut, Wave } from './events.ts';

/** Times are ISO 8601 in UTC. Ids and times arrive here because deciding has no clock and no random. */
interface Timed {
  readonly now: string;
}

/** Who asks, for the record, and why. */
interface Asked extends Timed {
  readonly by: string;
  readonly reason: string;
}

interface PlanRollout extends Asked {
  readonly type: 'PlanRollout';
  readonly rolloutId: string;
  readonly targetVersion: string;
  readonly concurrency: number;
  readonly maxFailureShare: number;
  readonly giveUpAfterMinutes: number;
  readonly waves: readonly Wave[];
  readonly leftOut: readonly LeftOut[];
  readonly wholeTiers: readonly Tier[];
}

interface StopRollout extends Asked {
  readonly type: 'StopRollout';
}
interface ResumeRollout extends Asked {
  readonly type: 'ResumeRollout';
}

/** How the tenants of one wave stand in the attempt that is under way. */
export interface WaveProgress {
  /** Not asked yet. */
  readonly waiting: number;
  /** Of those, the ones that share a schema with a tenant that failed: they are not asked. */
  readonly blocked: number;
  readonly running: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of those, the ones that had the version already. */
  readonly already: number;
}

/** Tells how the wave stands in an attempt: a rollout goes on to the next, stops or is completed by it. */
interface JudgeWave extends Timed {
  readonly type: 'JudgeWave';
  readonly attempt: number;
  readonly wave: number;
  readonly progress: WaveProgress;
}

interface SkipTenants extends Timed {
  readonly type: 'SkipTenants';
  readonly attempt: number;
  readonly tenants: readonly { readonly tenantId: string; readonly code: string }[];
}

export type RolloutCommand = PlanRollout | StopRollout | ResumeRollout | JudgeWave | SkipTenants;
