import type { ForwardWork } from '../forward.ts';

/** The steps of finding out whether a standby can serve a tenant's reads, in order. */
export const REPLICA_STEPS = ['verify', 'verified'] as const;
export type ReplicaStep = (typeof REPLICA_STEPS)[number] | 'rejected';

/** Codes of what may pass by itself, because a standby follows its server a little later. */
export const LAGGING: ReadonlySet<string> = new Set(['unreachable', 'login_refused', 'home_not_found']);

export const REPLICA: ForwardWork = { steps: REPLICA_STEPS, failed: 'rejected' };
