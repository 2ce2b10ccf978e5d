import type { ForwardWork } from '../forward.ts';

/**
 * The steps of a purge, in order. `close` shuts the logins and counts what there is, while it is there; `remove` drops it;
 * `forget` deletes the sealed credentials; `prove` searches everywhere; `purged` tells.
 */
export const PURGE_STEPS = ['close', 'remove', 'forget', 'prove', 'purged'] as const;
export type PurgeStep = (typeof PURGE_STEPS)[number] | 'purge_failed';

export const PURGE: ForwardWork = { steps: PURGE_STEPS, failed: 'purge_failed' };
