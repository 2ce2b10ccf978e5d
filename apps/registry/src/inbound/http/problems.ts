import { isCommandRefused, isEventSourcingError, isVersionConflict } from '@ultracore/event-sourcing';
import { isEventStoreDbError } from '@ultracore/eventstoredb';
import { ProblemError } from '@ultracore/service';
import type { RolloutRefusal } from '../../rollout/refusals.ts';
import type { Refusal } from '../../tenant/refusals.ts';

type RefusalAnswer = { readonly status: number; readonly field?: string };

const ANSWERS: Readonly<Record<Refusal | RolloutRefusal | 'unknown_server' | 'unknown_standby', RefusalAnswer>> = {
  tenant_exists: { status: 409, field: 'tenant_id' },
  tenant_not_found: { status: 404 },
  precondition_failed: { status: 412 },
  min_over_max: { status: 422, field: 'min_connections' },
  over_server_budget: { status: 422, field: 'max_connections' },
  not_retryable: { status: 409 },
  wrong_status: { status: 409 },
  not_active: { status: 409 },
  already_suspended: { status: 409 },
  not_suspended: { status: 409 },
  already_terminated: { status: 409 },
  not_terminated: { status: 409 },
  already_purged: { status: 409 },
  purge_open: { status: 409 },
  purge_not_due: { status: 409 },
  legal_hold: { status: 409 },
  already_held: { status: 409 },
  not_held: { status: 409 },
  rotation_open: { status: 409 },
  migration_open: { status: 409 },
  no_migration_open: { status: 409 },
  already_migrated: { status: 409 },
  replica_open: { status: 409 },
  replica_exists: { status: 409 },
  no_replica: { status: 409 },
  unchanged: { status: 409 },
  already_granted: { status: 409 },
  not_granted: { status: 404 },
  too_many_grants: { status: 409 },
  rollout_exists: { status: 409 },
  rollout_not_found: { status: 404 },
  rollout_open: { status: 409 },
  rollout_not_running: { status: 409 },
  rollout_not_stopped: { status: 409 },
  nothing_to_migrate: { status: 409, field: 'target_version' },
  canary_not_eligible: { status: 422, field: 'canary' },
  rollout_too_large: { status: 422 },
  unknown_server: { status: 422, field: 'server' },
  unknown_standby: { status: 422, field: 'readonly_db_host' },
};
const answers: ReadonlyMap<string, RefusalAnswer> = new Map(Object.entries(ANSWERS));

/** What a caller is told when the aggregate refuses, others keep changing the tenant meanwhile, or a store does not answer. */
export function toProblemError(error: unknown): ProblemError | undefined {
  if (isCommandRefused(error)) {
    const { code, detail } = error;
    return new ProblemError({ status: 409, code, detail, ...answers.get(code), cause: error });
  }
  if (isVersionConflict(error)) {
    return new ProblemError({
      status: 409,
      code: 'concurrent_change',
      detail: 'Others keep changing this tenant at the moment. Nothing was done; try again.',
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
  if (isEventSourcingError(error) && error.code === 'event_not_publishable') {
    return new ProblemError({
      status: 500,
      code: 'event_not_publishable',
      detail:
        'What this leads to cannot be told to the other services, so nothing was done. This is a fault of the registry: its log says which field.',
      cause: error,
    });
  }
  if (isEventStoreDbError(error)) {
    const unknown = error.code === 'outcome_unknown';
    return new ProblemError({
      status: 503,
      code: unknown ? 'outcome_unknown' : 'store_unavailable',
      detail: unknown
        ? 'It is not known whether this was done, because the event store stopped answering. The same request with the same Idempotency-Key is safe.'
        : 'The event store does not answer at the moment. Nothing was done; try again shortly.',
      headers: { 'retry-after': '2' },
      cause: error,
    });
  }
  return undefined;
}

export const keyReused = (): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'idempotency_key_reused',
    detail: 'This Idempotency-Key was used in the last 24 hours for a different request. Use a new key for a new request.',
    field: 'idempotency-key',
  });

export const notFound = (): ProblemError =>
  new ProblemError({ status: 404, code: 'tenant_not_found', detail: 'There is no such tenant.' });
