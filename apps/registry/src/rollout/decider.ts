import type { Decider } from '@ultracore/event-sourcing';
import type { RolloutCommand } from './commands.ts';
import { GIVE_UP_AFTER_MINUTES, type RolloutEvent, type StopCode } from './events.ts';
import { failureOf, hasEnded, hasFailed, hasShownNothing, skippedOf } from './judge.ts';
import { refuse } from './refusals.ts';
import type { ExistingRollout, RolloutState } from './state.ts';

/** Who is named for what no person decided. */
const REGISTRY = 'registry';

/** The rollout aggregate: what operators decide is refused where it does not fit, what the executor tells has no effect then. */
export const rolloutDecider: Decider<RolloutState, RolloutCommand, RolloutEvent> = {
  decide,
  evolve,
  initialState: () => ({ status: 'none' }),
};

function decide(command: RolloutCommand, state: RolloutState): readonly RolloutEvent[] {
  const { now } = command;
  switch (command.type) {
    case 'PlanRollout': {
      if (state.status !== 'none') return refuse('rollout_exists', 'There is a rollout of this id.');
      const { type: _, now: plannedAt, by: plannedBy, ...planned } = command;
      if (planned.waves.length === 0) return refuse('nothing_to_migrate', 'No tenant is to be brought to this version.');
      return [{ type: 'RolloutPlanned', data: { ...planned, plannedBy, plannedAt } }, waveStarted(0, now)];
    }
    case 'StopRollout': {
      const { status } = existing(state);
      if (status !== 'running')
        return refuse('rollout_not_running', `Only a running rollout is stopped, and this one is ${status}.`);
      return [stopped('operator', command.reason, command.by, now)];
    }
    case 'ResumeRollout': {
      const { status, attempt } = existing(state);
      if (status !== 'stopped')
        return refuse('rollout_not_stopped', `Only a stopped rollout is resumed, and this one is ${status}.`);
      const { reason, by: resumedBy } = command;
      // From the canary on: a wave whose tenants are all done is passed at once.
      return [{ type: 'RolloutResumed', data: { attempt: attempt + 1, reason, resumedBy, resumedAt: now } }, waveStarted(0, now)];
    }
    case 'JudgeWave': {
      const { attempt, progress } = command;
      if (state.status !== 'running' || state.attempt !== attempt || state.wave !== command.wave) return [];
      const { maxFailureShare, wave, waves } = state;
      if (hasFailed(progress, maxFailureShare)) {
        return [stopped('too_many_failures', failureOf(wave, progress, maxFailureShare), REGISTRY, now)];
      }
      if (!hasEnded(progress)) return [];
      if (wave === 0 && hasShownNothing(progress)) return [stopped('canary_skipped', skippedOf(progress), REGISTRY, now)];
      return wave + 1 < waves.length ? [waveStarted(wave + 1, now)] : [{ type: 'RolloutCompleted', data: { completedAt: now } }];
    }
    case 'SkipTenants':
      if (state.status !== 'running' || state.attempt !== command.attempt || command.tenants.length === 0) return [];
      return [{ type: 'TenantsSkipped', data: { tenants: command.tenants, skippedAt: now } }];
    default:
      return command satisfies never;
  }
}

function existing(state: RolloutState): ExistingRollout {
  return state.status === 'none' ? refuse('rollout_not_found', 'There is no such rollout.') : state;
}

const waveStarted = (wave: number, startedAt: string): RolloutEvent => ({ type: 'WaveStarted', data: { wave, startedAt } });

const stopped = (code: StopCode, reason: string, stoppedBy: string, stoppedAt: string): RolloutEvent => ({
  type: 'RolloutStopped',
  data: { code, reason, stoppedBy, stoppedAt },
});

/** The fold. Total: an event that does not fit the state it meets moves the revision and nothing else. */
function evolve(state: RolloutState, event: RolloutEvent): RolloutState {
  if (event.type === 'RolloutPlanned') {
    const { waves, wholeTiers: _, giveUpAfterMinutes = GIVE_UP_AFTER_MINUTES, ...planned } = event.data;
    return {
      ...planned,
      giveUpAfterMinutes,
      status: 'running',
      waves: waves.map(({ groups }) => ({
        tiers: [...new Set(groups.map(({ tier }) => tier))],
        tenants: groups.reduce((sum, { tenants }) => sum + tenants.length, 0),
      })),
      attempt: 1,
      attemptSince: planned.plannedAt,
      wave: 0,
      story: [{ type: event.type, at: planned.plannedAt, by: planned.plannedBy, reason: planned.reason, wave: null }],
      revision: 0,
    };
  }
  if (state.status === 'none') return state;
  const next = { ...state, revision: state.revision + 1 };
  const told = (at: string, by: string | null = null, reason: string | null = null, wave: number | null = null) => [
    ...state.story,
    { type: event.type, at, by, reason, wave },
  ];
  switch (event.type) {
    case 'WaveStarted': {
      const { wave, startedAt } = event.data;
      return { ...next, wave, story: told(startedAt, null, null, wave) };
    }
    // As many as there are tenants: they are told of one by one, not here.
    case 'TenantsSkipped':
      return next;
    case 'RolloutStopped': {
      const { code, reason, stoppedBy: by, stoppedAt: at } = event.data;
      return { ...recordOf(next), status: 'stopped', stop: { code, reason, by, at }, story: told(at, by, reason) };
    }
    case 'RolloutResumed': {
      const { attempt, reason, resumedBy, resumedAt } = event.data;
      const story = told(resumedAt, resumedBy, reason);
      return { ...recordOf(next), status: 'running', attempt, attemptSince: resumedAt, story };
    }
    case 'RolloutCompleted': {
      const { completedAt } = event.data;
      return { ...recordOf(next), status: 'completed', completedAt, story: told(completedAt) };
    }
    default:
      return event satisfies never;
  }
}

/** Leaves behind what belongs to a status. */
function recordOf(state: ExistingRollout) {
  const { rolloutId, targetVersion, reason, concurrency, maxFailureShare, giveUpAfterMinutes } = state;
  const { waves, leftOut, plannedBy, plannedAt, attempt, attemptSince, wave, story, revision } = state;
  const planned = { rolloutId, targetVersion, reason, concurrency, maxFailureShare, giveUpAfterMinutes };
  return { ...planned, waves, leftOut, plannedBy, plannedAt, attempt, attemptSince, wave, story, revision };
}
