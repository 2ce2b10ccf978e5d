import type { LeftOut, RolloutEvent, StopCode } from './events.ts';
import type { Tier } from '../tenant/facts.ts';

/** One line of a rollout's story. */
interface Entry {
  readonly type: RolloutEvent['type'];
  readonly at: string;
  /** Null for what the registry decided by itself. */
  readonly by: string | null;
  readonly reason: string | null;
  readonly wave: number | null;
}

interface PlannedWave {
  readonly tiers: readonly Tier[];
  readonly tenants: number;
}

interface Rollout {
  readonly rolloutId: string;
  readonly targetVersion: string;
  readonly reason: string;
  readonly concurrency: number;
  readonly maxFailureShare: number;
  readonly giveUpAfterMinutes: number;
  readonly waves: readonly PlannedWave[];
  readonly leftOut: readonly LeftOut[];
  readonly plannedBy: string;
  readonly plannedAt: string;
  /** 1 from the plan on, one more with each time it is resumed. */
  readonly attempt: number;
  readonly attemptSince: string;
  /** The last wave whose tenants are asked, from 0. */
  readonly wave: number;
  readonly story: readonly Entry[];
  /** Of the last event in the stream. */
  readonly revision: number;
}

interface RunningRollout extends Rollout {
  readonly status: 'running';
}
interface StoppedRollout extends Rollout {
  readonly status: 'stopped';
  readonly stop: { readonly code: StopCode; readonly reason: string; readonly by: string; readonly at: string };
}
interface CompletedRollout extends Rollout {
  readonly status: 'completed';
  readonly completedAt: string;
}

export type ExistingRollout = RunningRollout | StoppedRollout | CompletedRollout;
/** A rollout as the fold of its stream. How its tenants stand is in their own streams. */
export type RolloutState = { readonly status: 'none' } | ExistingRollout;
