import { CommandRefused, type Decider } from '@ultracore/event-sourcing';
import type { CreateTenant, RecordFact, RetryProvisioning, TenantCommand, TerminateTenant } from './commands.ts';
import type { TenantEvent } from './events.ts';
import { concernsOpenRequest, evolve, initialState } from './evolve.ts';
import type { ExistingTenant, TenantState } from './state.ts';

/** Every answer by which a command about a tenant can be refused. Stable: callers test them. */
export const REFUSALS = [
  'tenant_exists',
  'tenant_not_found',
  'precondition_failed',
  'min_over_max',
  'over_server_budget',
  'not_retryable',
  'was_active',
  'already_terminated',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** A provisioning this old may be retried although nothing has reported its failure. */
const STALE_PROVISIONING_MS = 15 * 60_000;

const refuse = (code: Refusal, detail: string): never => {
  throw new CommandRefused(code, detail);
};

/** The tenant aggregate. Commands may be refused; facts never are, but for those of a tenant that does not exist. */
export const tenantDecider: Decider<TenantState, TenantCommand, TenantEvent> = { decide, evolve, initialState };

function decide(command: TenantCommand, state: TenantState): readonly TenantEvent[] {
  switch (command.type) {
    case 'CreateTenant':
      return create(command, state);
    case 'RetryProvisioning':
      return retry(command, existing(command, state));
    case 'TerminateTenant':
      return terminate(command, existing(command, state));
    case 'RecordFact':
      return recordFact(command, state);
    default:
      return command satisfies never;
  }
}

function existing(command: RetryProvisioning | TerminateTenant, state: TenantState): ExistingTenant {
  if (state.status === 'none') return refuse('tenant_not_found', 'There is no such tenant.');
  if (command.ifMatch !== undefined && command.ifMatch !== state.decidedRevision) {
    return refuse('precondition_failed', `The tenant has changed: its ETag is now "${state.decidedRevision}".`);
  }
  return state;
}

function create(command: CreateTenant, state: TenantState): readonly TenantEvent[] {
  if (state.status !== 'none') return refuse('tenant_exists', `The id "${command.tenantId}" is taken.`);
  const { placement, settings, now, type: _, ...rest } = command;
  const { minConnections, maxConnections } = settings;
  if (minConnections > maxConnections) {
    return refuse('min_over_max', `min_connections (${minConnections}) is larger than max_connections (${maxConnections}).`);
  }
  const { host: dbHost, port: dbPort, connectionBudget } = placement;
  if (connectionBudget !== null && maxConnections > connectionBudget) {
    return refuse('over_server_budget', `max_connections (${maxConnections}) is more than the server has (${connectionBudget}).`);
  }
  return [{ type: 'TenantCreated', data: { ...rest, dbHost, dbPort, settings, createdAt: now } }];
}

function retry({ requestId, requestedBy, now }: RetryProvisioning, state: ExistingTenant): readonly TenantEvent[] {
  const { attempt, requestedAt } = state.provision;
  const stale = state.status === 'provisioning' && Date.parse(now) - Date.parse(requestedAt) >= STALE_PROVISIONING_MS;
  if (state.status !== 'failed' && !stale) {
    const why = state.status === 'provisioning' ? 'its provisioning is less than 15 minutes old' : `it is ${state.status}`;
    return refuse('not_retryable', `Only a failed tenant, or one provisioning for 15 minutes, can be retried: ${why}.`);
  }
  return [{ type: 'ProvisioningRetryRequested', data: { requestId, attempt: attempt + 1, requestedBy, requestedAt: now } }];
}

function terminate({ reason, terminatedBy, now }: TerminateTenant, state: ExistingTenant): readonly TenantEvent[] {
  switch (state.status) {
    case 'terminated':
      return refuse('already_terminated', 'The tenant is terminated.');
    case 'active':
      return refuse('was_active', 'The tenant has been active: only one that never was can be terminated here.');
    case 'provisioning':
    case 'failed':
      // It never held data: nothing to retain, and its purge is due at once.
      return [
        { type: 'TenantTerminated', data: { reason, terminatedBy, terminatedAt: now, dataRetentionDays: 0, purgeAfter: now } },
      ];
    default:
      return state satisfies never;
  }
}

/** Recorded whatever it says. The fact that completes the open request activates the tenant, in the same append. */
function recordFact({ fact, now }: RecordFact, state: TenantState): readonly TenantEvent[] {
  if (state.status === 'none') return refuse('tenant_not_found', 'A fact came about a tenant that was never created.');
  const completes =
    fact.type === 'MigrationsCompleted' &&
    state.status === 'provisioning' &&
    concernsOpenRequest(state, fact) &&
    state.home !== null &&
    state.nextCredential !== null;
  if (!completes) return [fact];
  return [fact, { type: 'TenantActivated', data: { requestId: fact.data.requestId, activatedAt: now } }];
}
