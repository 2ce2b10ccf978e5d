import type { Tier } from './situation.ts';
import { factOf, STEPS, UNDO_STEPS, type StepName, type UndoStepName } from './steps.ts';

/**
 * A named moment at which a test may end the process: `<step>:before` its effect, `<step>:<what>` once a part of the effect
 * is there, `<step>:after` the effect with nothing of it told or recorded, and `<step>:fact` once Kafka has acknowledged the
 * step's fact while the step is not closed.
 */
export type BoundaryName = string;

/** What lies inside a step's effect, in order, where a step has more than one part. */
const INSIDE: Readonly<Record<Tier, Partial<Record<StepName | UndoStepName, readonly string[]>>>> = {
  enterprise: { credentials: ['sealed'], home: ['roles', 'database'] },
  standard: { credentials: ['sealed'], home: ['roles'] },
  small: { credentials: ['sealed'], home: ['roles'] },
};

/** Steps with nothing between what `INSIDE` names and their fact. */
const NO_AFTER: ReadonlySet<string> = new Set(['started', 'credentials', 'completed', 'migrations_failed', 'failed']);

/** Whether a step has a boundary between its effect and its fact. */
export const hasAfter = (step: StepName | UndoStepName): boolean => !NO_AFTER.has(step);

const boundariesOf = (step: StepName | UndoStepName, tier: Tier): readonly BoundaryName[] => [
  `${step}:before`,
  ...(INSIDE[tier][step] ?? []).map((part): BoundaryName => `${step}:${part}`),
  ...(hasAfter(step) ? ([`${step}:after`] as const) : []),
  ...(factOf(step, tier) === undefined ? [] : ([`${step}:fact`] as const)),
];

const byTier = (of: (tier: Tier) => readonly BoundaryName[]): Readonly<Record<Tier, readonly BoundaryName[]>> => ({
  enterprise: of('enterprise'),
  standard: of('standard'),
  small: of('small'),
});

/** Every boundary that the creation of a tenant crosses, in order, by tier. */
export const STEP_BOUNDARIES = byTier((tier) => STEPS.flatMap((step) => boundariesOf(step, tier)));

/** Every boundary that is crossed after the migrations of a creation failed, in order, by tier. */
export const UNDO_BOUNDARIES = byTier((tier) => UNDO_STEPS.flatMap((step) => boundariesOf(step, tier)));
