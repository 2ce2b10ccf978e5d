import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import type { WaveProgress } from '../../src/rollout/commands.ts';
import { rolloutDecider } from '../../src/rollout/decider.ts';
import type { RolloutEvent } from '../../src/rollout/events.ts';
import { hasFailed } from '../../src/rollout/judge.ts';
import { idOf, minutesLater } from '../tenant/examples.ts';

const spec = deciderSpec(rolloutDecider);
const at = (minutes: number) => ({ by: 'op-1', reason: 'because', now: minutesLater(minutes) });
const wave = (...tenants: string[]) => ({ groups: [{ tier: 'standard' as const, server: 'pg-a:5432', tenants }] });
const plan = {
  rolloutId: idOf('rollout'),
  targetVersion: '0004',
  concurrency: 10,
  maxFailureShare: 0.05,
  giveUpAfterMinutes: 90,
  waves: [wave('a'), wave('b', 'c')],
  leftOut: [{ code: 'suspended', tenants: 2 }],
  wholeTiers: ['standard' as const],
};
const started = (n: number, minutes: number): RolloutEvent => ({
  type: 'WaveStarted',
  data: { wave: n, startedAt: minutesLater(minutes) },
});
const running: RolloutEvent[] = [
  { type: 'RolloutPlanned', data: { ...plan, reason: 'because', plannedBy: 'op-1', plannedAt: minutesLater(0) } },
  started(0, 0),
];
const stopped: RolloutEvent = {
  type: 'RolloutStopped',
  data: { code: 'operator', reason: 'because', stoppedBy: 'op-1', stoppedAt: minutesLater(5) },
};
const completed: RolloutEvent = { type: 'RolloutCompleted', data: { completedAt: minutesLater(6) } };
const resumed: RolloutEvent = {
  type: 'RolloutResumed',
  data: { attempt: 2, reason: 'because', resumedBy: 'op-1', resumedAt: minutesLater(7) },
};
const standing = (more: Partial<WaveProgress> = {}): WaveProgress => ({
  waiting: 0,
  blocked: 0,
  running: 0,
  done: 0,
  failed: 0,
  skipped: 0,
  already: 0,
  ...more,
});
const judge = (n: number, progress: Partial<WaveProgress>, attempt = 1, minutes = 6) =>
  ({ type: 'JudgeWave', attempt, wave: n, progress: standing(progress), now: minutesLater(minutes) }) as const;

describe('a rollout', () => {
  test('begins with its canary, once, and not without tenants', () => {
    spec
      .given([])
      .when({ type: 'PlanRollout', ...plan, ...at(0) })
      .then(running);
    spec
      .given([])
      .when({ type: 'PlanRollout', ...plan, waves: [], ...at(0) })
      .thenRefused('nothing_to_migrate');
    spec
      .given(running)
      .when({ type: 'PlanRollout', ...plan, ...at(1) })
      .thenRefused('rollout_exists');
  });

  test('is stopped while it runs, and resumed while it is stopped, from the canary on', () => {
    spec
      .given(running)
      .when({ type: 'StopRollout', ...at(5) })
      .then([stopped]);
    spec
      .given([...running, stopped])
      .when({ type: 'StopRollout', ...at(6) })
      .thenRefused('rollout_not_running');
    spec
      .given([...running, stopped])
      .when({ type: 'ResumeRollout', ...at(7) })
      .then([resumed, started(0, 7)]);
    spec
      .given(running)
      .when({ type: 'ResumeRollout', ...at(7) })
      .thenRefused('rollout_not_stopped');
    spec
      .given([...running, completed])
      .when({ type: 'ResumeRollout', ...at(7) })
      .thenRefused('rollout_not_stopped');
    for (const type of ['StopRollout', 'ResumeRollout'] as const) {
      spec
        .given([])
        .when({ type, ...at(5) })
        .thenRefused('rollout_not_found');
    }
  });

  test('goes on to the next wave when the one before has ended well, and is completed after the last', () => {
    spec
      .given(running)
      .when(judge(0, { running: 1 }))
      .thenNothing();
    spec
      .given(running)
      .when(judge(0, { waiting: 1 }))
      .thenNothing();
    spec
      .given(running)
      .when(judge(0, { done: 1 }))
      .then([started(1, 6)]);
    spec
      .given(running)
      .when(judge(0, { done: 1, skipped: 1 }))
      .then([started(1, 6)]);
    spec
      .given(running)
      .when(judge(0, { skipped: 2, already: 2 }))
      .then([started(1, 6)]);
    spec
      .given([...running, started(1, 3)])
      .when(judge(1, { done: 2 }))
      .then([completed]);
    spec
      .given([...running, started(1, 3)])
      .when(judge(1, { skipped: 2 }))
      .then([completed]);
  });

  test('stops by itself when nothing of its canary was migrated, because that has shown nothing', () => {
    spec
      .given(running)
      .when(judge(0, { skipped: 2, already: 1 }))
      .then([
        {
          type: 'RolloutStopped',
          data: {
            code: 'canary_skipped',
            reason:
              'None of the canary was migrated; skipped: 1. Resume when they can be asked, or plan another rollout with another canary.',
            stoppedBy: 'registry',
            stoppedAt: minutesLater(6),
          },
        },
      ]);
    spec
      .given(running)
      .when(judge(0, { waiting: 1, skipped: 1 }))
      .thenNothing();
  });

  test('takes no notice of how a wave stood in an attempt before', () => {
    const again = [...running, stopped, resumed, started(0, 7)];
    spec
      .given(again)
      .when(judge(0, { failed: 1 }, 1))
      .thenNothing();
    spec
      .given(again)
      .when(judge(0, { done: 1 }, 2))
      .then([started(1, 6)]);
  });

  test('stops by itself when too many of a wave failed', () => {
    spec
      .given(running)
      .when(judge(0, { failed: 1 }))
      .then([
        {
          type: 'RolloutStopped',
          data: {
            code: 'too_many_failures',
            reason: '1 of the 1 tenants of the canary that have ended failed; allowed is a share of 0.05.',
            stoppedBy: 'registry',
            stoppedAt: minutesLater(6),
          },
        },
      ]);
  });

  test('takes no notice of what is told of another wave, or while it does not run', () => {
    spec
      .given([...running, started(1, 3)])
      .when(judge(0, { failed: 1 }))
      .thenNothing();
    spec
      .given([...running, stopped])
      .when(judge(0, { done: 1 }))
      .thenNothing();
    spec
      .given([])
      .when(judge(0, { done: 1 }))
      .thenNothing();
    const skip = {
      type: 'SkipTenants',
      attempt: 1,
      tenants: [{ tenantId: 'a', code: 'suspended' }],
      now: minutesLater(6),
    } as const;
    spec
      .given(running)
      .when(skip)
      .then([{ type: 'TenantsSkipped', data: { tenants: skip.tenants, skippedAt: minutesLater(6) } }]);
    for (const history of [[], [...running, stopped], [...running, stopped, resumed], [...running, completed]]) {
      spec.given(history).when(skip).thenNothing();
    }
  });

  test('tells its story, with who and why', () => {
    const { state } = spec.given([...running, stopped, resumed, started(0, 7), completed]);
    if (state.status !== 'completed') throw new Error('it is not completed');
    expect(state).toMatchObject({ attempt: 2, wave: 0, revision: 5, waves: [{ tenants: 1 }, { tenants: 2 }] });
    expect(state.story.map(({ type, by, reason, wave: n }) => [type, by, reason, n])).toEqual([
      ['RolloutPlanned', 'op-1', 'because', null],
      ['WaveStarted', null, null, 0],
      ['RolloutStopped', 'op-1', 'because', null],
      ['RolloutResumed', 'op-1', 'because', null],
      ['WaveStarted', null, null, 0],
      ['RolloutCompleted', null, null, null],
    ]);
  });
});

describe('a wave has failed', () => {
  const failed = (share: number, progress: Partial<WaveProgress>) => hasFailed(standing(progress), share);

  test('when more of those that have ended failed than the share allows', () => {
    expect(failed(0.05, { done: 95, failed: 5 })).toBe(false);
    expect(failed(0.05, { done: 94, failed: 6 })).toBe(true);
    expect(failed(0, { done: 999, failed: 1 })).toBe(true);
    expect(failed(0.05, { done: 0 })).toBe(false);
  });

  test('in its middle, but not for the first failure among many that are still to come', () => {
    expect(failed(0.05, { waiting: 999, failed: 1 })).toBe(false);
    expect(failed(0.05, { waiting: 998, failed: 2 })).toBe(true);
    expect(failed(0.05, { waiting: 2, failed: 1 })).toBe(true);
  });

  test('with those that share the schema of one that failed, and regardless of those that were skipped', () => {
    expect(failed(0.05, { waiting: 499, blocked: 499, failed: 1, done: 500 })).toBe(true);
    expect(failed(0.5, { skipped: 100, failed: 1, done: 1 })).toBe(false);
  });
});
