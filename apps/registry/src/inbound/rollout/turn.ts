import { CommandRefused, type CommandHandler } from '@ultracore/event-sourcing';
import type { Pool } from 'pg';
import { rolloutStreamOf } from '../../rollout/codec.ts';
import type { RolloutCommand } from '../../rollout/commands.ts';
import type { RolloutEvent } from '../../rollout/events.ts';
import type { RolloutState } from '../../rollout/state.ts';
import { takeTurn } from '../../store/rollout-turn.ts';

export type RolloutCommands = CommandHandler<RolloutState, RolloutCommand, RolloutEvent>;

/**
 * Does what makes a rollout run, unless another one does: one at a time, so that two never disagree about a tenant. Who plans or resumes
 * waits for whoever does so at this moment. Throws `CommandRefused` `rollout_open`.
 */
export function inItsTurn<Result>(
  { pool, rollouts }: { pool: Pool; rollouts: RolloutCommands },
  rolloutId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return takeTurn(pool, rolloutId, {
    // The one that had its turn last is the only one that can run.
    async check(last) {
      if (last === null || last === rolloutId) return;
      const { state } = await rollouts.load(rolloutStreamOf(last));
      if (state.status !== 'running') return;
      throw new CommandRefused('rollout_open', `The rollout ${last} to ${state.targetVersion} is running: one at a time.`);
    },
    work,
  });
}
