import type { CreateTenant, LifecycleCommand, RetryProvisioning, TerminateTenant } from './commands.ts';
import type { TenantEvent } from './events.ts';
import { checkPool } from './decide-settings.ts';
import { active, refuse } from './refusals.ts';
import { isHoused, type ExistingTenant, type TenantState } from './state.ts';

/** A provisioning this old may be retried although nothing has reported its failure. */
const STALE_PROVISIONING_MS = 15 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** The first creation, or the next after a purge. */
export function create(command: CreateTenant, state: TenantState): readonly TenantEvent[] {
  if (state.status !== 'none' && state.status !== 'purged')
    return refuse('tenant_exists', `The id "${command.tenantId}" is taken.`);
  const { placement, settings, now, type: _, ...rest } = command;
  const { host: dbHost, port: dbPort, connectionBudget } = placement;
  checkPool(settings, connectionBudget);
  return [{ type: 'TenantCreated', data: { ...rest, dbHost, dbPort, settings, createdAt: now } }];
}

export function decideLifecycle(command: LifecycleCommand, state: ExistingTenant): readonly TenantEvent[] {
  const { now, by } = command;
  switch (command.type) {
    case 'RetryProvisioning':
      return retry(command, state);
    case 'SuspendTenant': {
      if (state.status === 'suspended') return refuse('already_suspended', 'The tenant is suspended.');
      active(state);
      return [{ type: 'TenantSuspended', data: { reason: command.reason, suspendedBy: by, suspendedAt: now } }];
    }
    case 'ReactivateTenant':
      if (state.status !== 'suspended')
        return refuse('not_suspended', `Only a suspended tenant is reactivated, and this one is ${state.status}.`);
      return [{ type: 'TenantReactivated', data: { reactivatedBy: by, reactivatedAt: now } }];
    case 'TerminateTenant':
      return terminate(command, state);
    case 'PlaceLegalHold':
      if (state.status === 'purged') return refuse('already_purged', 'The tenant is purged: there is nothing left to hold.');
      if (state.requests.purge?.outcome === 'open')
        return refuse('purge_open', 'The purge of this tenant has begun: it cannot be held any more.');
      if (state.legalHold) return refuse('already_held', 'The tenant is under a legal hold.');
      return [{ type: 'LegalHoldPlaced', data: { reason: command.reason, placedBy: by, placedAt: now } }];
    case 'ReleaseLegalHold':
      if (!state.legalHold) return refuse('not_held', 'The tenant is not under a legal hold.');
      return [{ type: 'LegalHoldReleased', data: { reason: command.reason, releasedBy: by, releasedAt: now } }];
    default:
      return command satisfies never;
  }
}

function retry({ requestId, by, now, migrationVersion }: RetryProvisioning, state: ExistingTenant): readonly TenantEvent[] {
  const { attempt, requestedAt } = state.provision;
  const stale = state.status === 'provisioning' && Date.parse(now) - Date.parse(requestedAt) >= STALE_PROVISIONING_MS;
  if (state.status !== 'failed' && !stale) {
    const why = state.status === 'provisioning' ? 'its provisioning is less than 15 minutes old' : `it is ${state.status}`;
    return refuse('not_retryable', `Only a failed tenant, or one provisioning for 15 minutes, can be retried: ${why}.`);
  }
  const version = migrationVersion === undefined ? {} : { migrationVersion };
  const data = { requestId, attempt: attempt + 1, requestedBy: by, requestedAt: now, ...version };
  return [{ type: 'ProvisioningRetryRequested', data }];
}

function terminate({ reason, by, now, dataRetentionDays }: TerminateTenant, state: ExistingTenant): readonly TenantEvent[] {
  if (state.status === 'terminated') return refuse('already_terminated', 'The tenant is terminated.');
  if (state.status === 'purged') return refuse('already_purged', 'The tenant is purged.');
  // One that never was active never held data: nothing to retain, and its purge is due at once.
  const days = isHoused(state) ? dataRetentionDays : 0;
  const purgeAfter = new Date(Date.parse(now) + days * DAY_MS).toISOString();
  return [
    { type: 'TenantTerminated', data: { reason, terminatedBy: by, terminatedAt: now, dataRetentionDays: days, purgeAfter } },
  ];
}
