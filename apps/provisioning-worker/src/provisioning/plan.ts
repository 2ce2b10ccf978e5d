import { decideCreation } from './creation/decide.ts';
import { isCreationStep, STEPS } from './creation/steps.ts';
import { decideForward, type ForwardWork } from './forward.ts';
import { MIGRATION } from './migration/steps.ts';
import { PURGE } from './purge/steps.ts';
import { LAGGING, REPLICA } from './replica/steps.ts';
import { ROTATION } from './rotation/steps.ts';
import type { Decision, Situation, WorkKind } from './situation.ts';

/**
 * What becomes of a step that repeating does not mend:
 * - `give_up`: the request fails.
 * - `leave_behind`: what could not be removed is told as such.
 * - `insist`: it is tried for as long as it takes, because giving up would leave the truth unknown or untold.
 */
export type Resort = 'give_up' | 'leave_behind' | 'insist';

interface Plan {
  readonly decide: (situation: Situation) => Decision;
  /** The last step: with it the item is told in full, and waits for the registry's answer. */
  readonly last: string;
  readonly resort: (step: string) => Resort;
  /** How often in a row a step may meet trouble that passes, by its code, before that is taken for lasting; without end unless given. */
  readonly passingTries?: (code: string) => number;
}

/** The request fails with a step of `mayFail`; every other is insisted on. */
const forward = (work: ForwardWork, last: string, mayFail: readonly string[]): Omit<Plan, 'passingTries'> => ({
  decide: (situation) => decideForward(work, situation),
  last,
  resort: (step) => (mayFail.includes(step) ? 'give_up' : 'insist'),
});

/** A tenant's long transactions may keep a migration from its locks: the rollout is told so, instead of waiting for them. */
const LOCKED_OUT_AFTER = 8;
/** With the pauses between tries some half a minute: a standby follows its server a little later, or is just being restarted. */
const LAGGED_AFTER = 11;

export const PLANS: Readonly<Record<WorkKind, Plan>> = {
  provision: {
    decide: decideCreation,
    last: STEPS[STEPS.length - 1] ?? '',
    resort: (step) => (isCreationStep(step) ? 'give_up' : 'leave_behind'),
  },
  // Once a password may have been set it is not known that the old one is in force: there is only forward.
  rotate: forward(ROTATION, 'rotated', ['check', 'credentials']),
  purge: forward(PURGE, 'purged', ['close', 'remove', 'forget', 'prove']),
  migrate: { ...forward(MIGRATION, 'upgraded', ['upgrade']), passingTries: () => LOCKED_OUT_AFTER },
  verify_replica: {
    ...forward(REPLICA, 'verified', ['verify']),
    passingTries: (code) => (LAGGING.has(code) ? LAGGED_AFTER : Infinity),
  },
};

/** What to do next with an item. */
export const decide = (situation: Situation): Decision => PLANS[situation.item.kind].decide(situation);
