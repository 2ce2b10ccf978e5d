/** The moments at which ULTRACORE_CRASH_AT can end a registry, in the order in which one tenant's creation meets them. */
export const BOUNDARIES = [
  'append:before',
  'append:after',
  'relay:publish:before',
  'relay:publish:after',
  'relay:checkpoint:before',
  'projector:commit:before',
  'projector:commit:after',
  'fact:append:before',
  'fact:append:after',
] as const;
/** Those that a registry which leads a rollout meets. */
export const ROLLOUT_BOUNDARIES = [
  'rollout:judge:before',
  'rollout:judge:after',
  'rollout:ask:before',
  'rollout:ask:after',
] as const;
export type BoundaryName = (typeof BOUNDARIES)[number] | (typeof ROLLOUT_BOUNDARIES)[number];
