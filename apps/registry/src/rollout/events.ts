import type { Tier } from '../tenant/facts.ts';

interface Event<Type extends string, Data> {
  readonly type: Type;
  readonly data: Data;
}

/** Tenants of one tier on one server. Those of the small tier share one schema there: they are migrated as one. */
export interface WaveGroup {
  readonly tier: Tier;
  /** `host:port`. */
  readonly server: string;
  readonly tenants: readonly string[];
}

/** Tenants that are asked together. The next wave begins when they have ended well. */
export interface Wave {
  readonly groups: readonly WaveGroup[];
}

/** Tenants that are left out, counted by why. */
export interface LeftOut {
  readonly code: string;
  readonly tenants: number;
}

/** Of a rollout that does not say for how long its migrations are waited for. Never changed. */
export const GIVE_UP_AFTER_MINUTES = 60;

/** Which tenants are brought to which version, in which order, and when to stop. */
type RolloutPlanned = Event<
  'RolloutPlanned',
  {
    readonly rolloutId: string;
    readonly targetVersion: string;
    readonly reason: string;
    /** Tenants whose migration may be open at once. */
    readonly concurrency: number;
    /** Of the tenants of a wave. */
    readonly maxFailureShare: number;
    /** A migration that is open for longer is not waited for, and has failed; `GIVE_UP_AFTER_MINUTES` where nothing is said. */
    readonly giveUpAfterMinutes?: number;
    /** The first is the canary. */
    readonly waves: readonly Wave[];
    readonly leftOut: readonly LeftOut[];
    /** The tiers of which every tenant is meant, so that new ones follow; none where they were named one by one. */
    readonly wholeTiers?: readonly Tier[];
    readonly plannedBy: string;
    readonly plannedAt: string;
  }
>;
/** From here on tenants of this wave are asked, too. */
type WaveStarted = Event<'WaveStarted', { readonly wave: number; readonly startedAt: string }>;
/** Tenants that are not asked in this attempt, each with why. */
type TenantsSkipped = Event<
  'TenantsSkipped',
  { readonly tenants: readonly { readonly tenantId: string; readonly code: string }[]; readonly skippedAt: string }
>;
/** `canary_skipped`: none of the canary was migrated, so nothing is known of the version. */
export const STOP_CODES = ['too_many_failures', 'canary_skipped', 'operator'] as const;
export type StopCode = (typeof STOP_CODES)[number];
/** No tenant is asked any more; those that were asked go on to their end. */
type RolloutStopped = Event<
  'RolloutStopped',
  { readonly code: StopCode; readonly reason: string; readonly stoppedBy: string; readonly stoppedAt: string }
>;
/** Those that failed or were skipped are asked again, under the number of this attempt; those that are done never. */
type RolloutResumed = Event<
  'RolloutResumed',
  { readonly attempt: number; readonly reason: string; readonly resumedBy: string; readonly resumedAt: string }
>;
/** Every tenant of every wave has ended. */
type RolloutCompleted = Event<'RolloutCompleted', { readonly completedAt: string }>;

export type RolloutEvent = RolloutPlanned | WaveStarted | TenantsSkipped | RolloutStopped | RolloutResumed | RolloutCompleted;
