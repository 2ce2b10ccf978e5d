import { CommandRefused } from '@ultracore/event-sourcing';
import type { ExistingTenant, HousedTenant } from './state.ts';

/** Every answer by which a command about a tenant can be refused. Stable: callers test them. */
export const REFUSALS = [
  'tenant_exists',
  'tenant_not_found',
  'precondition_failed',
  'min_over_max',
  'over_server_budget',
  'not_retryable',
  'wrong_status',
  'not_active',
  'already_suspended',
  'not_suspended',
  'already_terminated',
  'not_terminated',
  'already_purged',
  'purge_open',
  'purge_not_due',
  'legal_hold',
  'already_held',
  'not_held',
  'rotation_open',
  'migration_open',
  'no_migration_open',
  'already_migrated',
  'replica_open',
  'replica_exists',
  'no_replica',
  'unchanged',
  'already_granted',
  'not_granted',
  'too_many_grants',
] as const;
export type Refusal = (typeof REFUSALS)[number];

export const refuse = (code: Refusal, detail: string): never => {
  throw new CommandRefused(code, detail);
};

/** For commands that need the tenant to be working. */
export function active(state: ExistingTenant): HousedTenant & { readonly status: 'active' } {
  if (state.status !== 'active') return refuse('not_active', `The tenant must be active for this, and it is ${state.status}.`);
  return state;
}

/** For commands about a tenant whose home is there and stays. */
export function housed(state: ExistingTenant): HousedTenant {
  if (state.status === 'active' || state.status === 'suspended') return state;
  return refuse('wrong_status', `The tenant must be active or suspended for this, and it is ${state.status}.`);
}

/** For what may be decided before the home is ready, too, but not when there is none and will be none. */
export function alive(state: ExistingTenant): ExistingTenant {
  if (state.status === 'provisioning') return state;
  return housed(state);
}
