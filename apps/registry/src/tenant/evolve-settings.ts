import type { SettingsEvent, TenantEvent } from './events.ts';
import { stamped } from './record.ts';
import { LIMIT_OF_RESOURCE, SETTING_OF_KEY, type TenantSettings } from './settings.ts';
import type { ExistingTenant, Grant } from './state.ts';

const SETTINGS_EVENTS: Readonly<Record<SettingsEvent['type'], true>> = {
  ConfigUpdated: true,
  ConnectionPoolResized: true,
  ScaledUp: true,
  ScaledDown: true,
  AccessGranted: true,
  AccessRevoked: true,
};

export const isSettingsEvent = (event: TenantEvent): event is SettingsEvent => Object.hasOwn(SETTINGS_EVENTS, event.type);

/** What a tenant may use and who may use it, after an event that changes it. The status stays what it is. */
export function withSettings(state: ExistingTenant, event: SettingsEvent): ExistingTenant {
  switch (event.type) {
    case 'ConfigUpdated': {
      const { key, newValue, updatedAt } = event.data;
      const next = stamped(state, updatedAt);
      if (key === 'tenant_name') return { ...next, tenantName: String(newValue) };
      if (key === 'owner_email') return { ...next, ownerEmail: String(newValue) };
      return { ...next, settings: { ...next.settings, [SETTING_OF_KEY[key]]: newValue } };
    }
    case 'ConnectionPoolResized': {
      const { newMinConnections: minConnections, newMaxConnections: maxConnections, resizedAt } = event.data;
      return withLimits(state, { minConnections, maxConnections }, resizedAt);
    }
    case 'ScaledUp':
    case 'ScaledDown': {
      const { resourceType, newLimit, scaledAt } = event.data;
      return withLimits(state, { [LIMIT_OF_RESOURCE[resourceType]]: newLimit }, scaledAt);
    }
    case 'AccessGranted': {
      const { userId, role, grantedAt } = event.data;
      const revokedUsers = state.revokedUsers.filter((user) => user !== userId);
      return { ...stamped(state, grantedAt), grants: [...without(state.grants, userId), { userId, role }], revokedUsers };
    }
    case 'AccessRevoked': {
      const { userId, revokedAt } = event.data;
      const revokedUsers = [...state.revokedUsers.filter((user) => user !== userId), userId];
      return { ...stamped(state, revokedAt), grants: without(state.grants, userId), revokedUsers };
    }
    default:
      return event satisfies never;
  }
}

const withLimits = (state: ExistingTenant, limits: Partial<TenantSettings>, at: string): ExistingTenant => {
  const next = stamped(state, at);
  return { ...next, settings: { ...next.settings, ...limits } };
};

const without = (grants: readonly Grant[], userId: string): Grant[] => grants.filter((grant) => grant.userId !== userId);
