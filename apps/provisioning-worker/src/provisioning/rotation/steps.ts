import type { ForwardWork } from '../forward.ts';
import type { Situation } from '../situation.ts';

/**
 * The steps of a rotation, in order. `check` finds out that the logins are this home's before anything is told; `passwords` sets
 * both verifiers at once and tests them; `rotated` tells that they are in force.
 */
export const ROTATION_STEPS = ['check', 'credentials', 'passwords', 'rotated'] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number] | 'rotation_failed';

/** The gateways must know the next credential before it comes into force: they learn it from the same row. */
const isAnnounced = ({ item, row }: Situation): boolean =>
  [row?.next_credential, row?.credential].some((each) => each?.request_id === item.requestId);

export const ROTATION: ForwardWork = {
  steps: ROTATION_STEPS,
  failed: 'rotation_failed',
  mayTake: (step, situation) => step !== 'passwords' || isAnnounced(situation),
};
