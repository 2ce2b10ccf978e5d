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
export type BoundaryName = (typeof BOUNDARIES)[number];
