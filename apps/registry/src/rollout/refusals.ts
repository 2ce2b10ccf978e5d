import { CommandRefused } from '@ultracore/event-sourcing';

/** Every answer by which a command about a rollout can be refused. Stable: callers test them. */
export const ROLLOUT_REFUSALS = [
  'rollout_exists',
  'rollout_not_found',
  'rollout_open',
  'rollout_not_running',
  'rollout_not_stopped',
  'nothing_to_migrate',
  'canary_not_eligible',
  'rollout_too_large',
] as const;
export type RolloutRefusal = (typeof ROLLOUT_REFUSALS)[number];

export const refuse = (code: RolloutRefusal, detail: string): never => {
  throw new CommandRefused(code, detail);
};
