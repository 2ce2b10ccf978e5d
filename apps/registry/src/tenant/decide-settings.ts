import type { ConfigureTenant, GrantAccess, ResizePool, RevokeAccess, ScaleTenant, SettingsCommand } from './commands.ts';
import type { TenantEvent } from './events.ts';
import { alive, refuse } from './refusals.ts';
import { LIMIT_OF_RESOURCE, SETTING_OF_KEY, type ConfigKey, type ConfigValue } from './settings.ts';
import type { ExistingTenant } from './state.ts';

/** As many as the directory row of a tenant may carry, with those whose grants were revoked: a revocation must never find it full. */
const MAX_USERS = 5000;

export function decideSettings(command: SettingsCommand, state: ExistingTenant): readonly TenantEvent[] {
  switch (command.type) {
    case 'ConfigureTenant':
      return configure(command, alive(state));
    case 'ResizePool':
      return resize(command, alive(state));
    case 'ScaleTenant':
      return scale(command, alive(state));
    case 'GrantAccess':
      return grant(command, alive(state));
    case 'RevokeAccess':
      return revoke(command, alive(state));
    default:
      return command satisfies never;
  }
}

/** Throws unless a pool of this size makes sense and its server can give as many connections. */
export function checkPool(
  { minConnections, maxConnections }: { readonly minConnections: number; readonly maxConnections: number },
  connectionBudget: number | null,
): void {
  if (minConnections > maxConnections) {
    refuse('min_over_max', `min_connections (${minConnections}) is larger than max_connections (${maxConnections}).`);
  }
  if (connectionBudget !== null && maxConnections > connectionBudget) {
    refuse('over_server_budget', `max_connections (${maxConnections}) is more than the server has (${connectionBudget}).`);
  }
}

function configValueOf(state: ExistingTenant, key: ConfigKey): ConfigValue {
  if (key === 'tenant_name') return state.tenantName;
  if (key === 'owner_email') return state.ownerEmail;
  return state.settings[SETTING_OF_KEY[key]];
}

function configure({ changes, by, now }: ConfigureTenant, state: ExistingTenant): readonly TenantEvent[] {
  const events = changes.flatMap(({ key, value }): TenantEvent[] => {
    const oldValue = configValueOf(state, key);
    if (oldValue === value) return [];
    return [{ type: 'ConfigUpdated', data: { key, oldValue, newValue: value, updatedBy: by, updatedAt: now } }];
  });
  return events.length > 0 ? events : refuse('unchanged', 'The tenant is configured like this already.');
}

function resize(command: ResizePool, state: ExistingTenant): readonly TenantEvent[] {
  const { minConnections: oldMinConnections, maxConnections: oldMaxConnections } = state.settings;
  const { minConnections: newMinConnections, maxConnections: newMaxConnections, reason, by, now } = command;
  checkPool(command, command.connectionBudget);
  if (oldMinConnections === newMinConnections && oldMaxConnections === newMaxConnections) {
    return refuse('unchanged', 'The pool has this size already.');
  }
  const sizes = { oldMinConnections, newMinConnections, oldMaxConnections, newMaxConnections };
  return [{ type: 'ConnectionPoolResized', data: { ...sizes, reason, resizedBy: by, resizedAt: now } }];
}

function scale(command: ScaleTenant, state: ExistingTenant): readonly TenantEvent[] {
  const { resourceType, newLimit, reason, recommendationId, connectionBudget, now } = command;
  const oldLimit = state.settings[LIMIT_OF_RESOURCE[resourceType]];
  if (oldLimit === newLimit) return refuse('unchanged', `The limit of ${resourceType} is ${oldLimit} already.`);
  if (resourceType === 'connections') {
    checkPool({ minConnections: state.settings.minConnections, maxConnections: newLimit }, connectionBudget);
  }
  const type = newLimit > oldLimit ? 'ScaledUp' : 'ScaledDown';
  return [{ type, data: { resourceType, oldLimit, newLimit, reason, recommendationId, scaledAt: now } }];
}

function grant({ userId, role, by, now }: GrantAccess, state: ExistingTenant): readonly TenantEvent[] {
  const given = state.grants.find((each) => each.userId === userId);
  if (given?.role === role) return refuse('already_granted', `The user has the role ${role} already.`);
  const isKnown = given !== undefined || state.revokedUsers.includes(userId);
  if (!isKnown && state.grants.length + state.revokedUsers.length >= MAX_USERS) {
    return refuse('too_many_grants', `A tenant has ${MAX_USERS} users at most, those included whose access was revoked.`);
  }
  return [{ type: 'AccessGranted', data: { userId, role, grantedBy: by, grantedAt: now } }];
}

function revoke({ userId, by, now }: RevokeAccess, state: ExistingTenant): readonly TenantEvent[] {
  const given = state.grants.find((each) => each.userId === userId);
  if (!given) return refuse('not_granted', 'The user has no access to this tenant.');
  return [{ type: 'AccessRevoked', data: { userId, role: given.role, revokedBy: by, revokedAt: now } }];
}
