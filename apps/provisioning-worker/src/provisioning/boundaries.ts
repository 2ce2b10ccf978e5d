import { factOf, STEPS, UNDO_STEPS } from './creation/steps.ts';
import type { ForwardWork } from './forward.ts';
import { MIGRATION, MIGRATION_STEPS } from './migration/steps.ts';
import { PURGE, PURGE_STEPS } from './purge/steps.ts';
import { REPLICA, REPLICA_STEPS } from './replica/steps.ts';
import { ROTATION, ROTATION_STEPS } from './rotation/steps.ts';
import type { Tier } from './situation.ts';

/**
 * A named moment at which a test may end the process: `<step>:before` its effect, `<step>:<what>` once a part of the effect
 * is there, `<step>:after` the effect with nothing of it told or recorded, and `<step>:fact` once Kafka has acknowledged the
 * step's fact while the step is not closed.
 */
export type BoundaryName = string;

/** What lies inside a step's effect, in order, where a step has more than one part. */
const INSIDE: Readonly<Record<Tier, Partial<Record<string, readonly string[]>>>> = {
  enterprise: { credentials: ['sealed'], home: ['roles', 'database'], passwords: ['set'] },
  standard: { credentials: ['sealed'], home: ['roles'], passwords: ['set'] },
  small: { credentials: ['sealed'], home: ['roles'], passwords: ['set'], remove: ['rows'] },
};

/** Steps with nothing between what `INSIDE` names and their fact. */
const NO_AFTER: ReadonlySet<string> = new Set([
  'started',
  'credentials',
  'completed',
  'migrations_failed',
  'failed',
  'rotated',
  'rotation_failed',
  'purged',
  'upgraded',
  'upgrade_failed',
  'verified',
  'rejected',
]);

/** Whether a step has a boundary between its effect and its fact. */
export const hasAfter = (step: string): boolean => !NO_AFTER.has(step);

const boundariesOf = (step: string, tier: Tier, tells: boolean): readonly BoundaryName[] => [
  `${step}:before`,
  ...(INSIDE[tier][step] ?? []).map((part): BoundaryName => `${step}:${part}`),
  ...(hasAfter(step) ? ([`${step}:after`] as const) : []),
  ...(tells ? ([`${step}:fact`] as const) : []),
];

const byTier = (of: (tier: Tier) => readonly BoundaryName[]): Readonly<Record<Tier, readonly BoundaryName[]>> => ({
  enterprise: of('enterprise'),
  standard: of('standard'),
  small: of('small'),
});

/** Every boundary that the creation of a tenant crosses, in order, by tier. */
export const STEP_BOUNDARIES = byTier((tier) =>
  STEPS.flatMap((step) => boundariesOf(step, tier, factOf(step, tier) !== undefined)),
);

/** Every boundary that is crossed after the migrations of a creation failed, in order, by tier. */
export const UNDO_BOUNDARIES = byTier((tier) =>
  UNDO_STEPS.flatMap((step) => boundariesOf(step, tier, factOf(step, tier) !== undefined)),
);

/** Every boundary of a home in stock, in order, by tier: while it is made, while a creation claims it, and while one is removed. */
export const STOCK_BOUNDARIES = {
  making: {
    enterprise: ['stock:recorded', 'stock:roles', 'stock:database', 'stock:filled', 'stock:tagged'],
    standard: ['stock:recorded', 'stock:roles', 'stock:filled', 'stock:tagged'],
  },
  claim: ['home:reserved', 'home:renamed'],
  removal: ['stock:withdrawn', 'stock:removed'],
} as const;

const failed = ({ failed: step }: ForwardWork) => boundariesOf(step, 'standard', true);

/** Every boundary that is crossed when such work has failed, in order; the same in every tier. */
export const FAILURE_BOUNDARIES = {
  rotate: failed(ROTATION),
  purge: failed(PURGE),
  migrate: failed(MIGRATION),
  verify_replica: failed(REPLICA),
} as const;

/**
 * Every boundary of setting a home's logins as its row wants them, by what the row wants: `before`, with it written that they are
 * being changed, and `after`, with nothing recorded.
 */
export const REPAIR_BOUNDARIES = {
  opening: ['opening:before', 'opening:after'],
  closing: ['closing:before', 'closing:after'],
} as const;

/** Steps of work that only goes forward which tell a fact. */
const TELLING: ReadonlySet<string> = new Set(['credentials', 'rotated', 'purged', 'upgraded', 'verified']);
const forward = (steps: readonly string[]) =>
  byTier((tier) => steps.flatMap((step) => boundariesOf(step, tier, TELLING.has(step))));

/** Every boundary that each kind of work crosses which only goes forward, in order, by tier. */
export const FORWARD_BOUNDARIES = {
  rotate: forward(ROTATION_STEPS),
  purge: forward(PURGE_STEPS),
  migrate: forward(MIGRATION_STEPS),
  verify_replica: forward(REPLICA_STEPS),
} as const;
