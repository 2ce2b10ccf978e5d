import { z } from 'zod';

export const TIERS = ['enterprise', 'standard', 'small'] as const;
export const tierSchema = z.enum(TIERS);
export type Tier = z.infer<typeof tierSchema>;

export const TENANT_STATUSES = ['provisioning', 'active', 'failed', 'suspended', 'terminated', 'purged'] as const;
export const tenantStatusSchema = z.enum(TENANT_STATUSES);
export type TenantStatus = z.infer<typeof tenantStatusSchema>;

export const GRANT_ROLES = ['owner', 'developer', 'analyst', 'auditor'] as const;
export const grantRoleSchema = z.enum(GRANT_ROLES);
export type GrantRole = z.infer<typeof grantRoleSchema>;

/** `cpu` in percent, `memory` in MB, `storage` in GB, `connections` and `queries` as numbers at one time. */
export const RESOURCE_TYPES = ['cpu', 'memory', 'storage', 'connections', 'queries'] as const;
export const resourceTypeSchema = z.enum(RESOURCE_TYPES);
export type ResourceType = z.infer<typeof resourceTypeSchema>;

const connections = z.int().min(0).max(10_000);

/** The bounds of every setting of a tenant. That min ≤ max, and that a server's budget holds, is decided by the registry. */
export const settingFields = {
  min_connections: connections,
  max_connections: connections.min(1),
  connection_timeout_seconds: z.int().min(1).max(3600),
  idle_timeout_seconds: z.int().min(1).max(86_400),
  max_cpu_percent: z.number().min(1).max(100),
  max_memory_mb: z.number().min(1).max(99_999_999),
  max_storage_gb: z.number().min(0.01).max(99_999_999),
  max_concurrent_queries: z.int().min(1).max(100_000),
  timezone: z
    .string()
    .min(1)
    .max(50)
    .regex(/^[A-Za-z0-9_+/-]+$/),
  locale: z
    .string()
    .max(10)
    .regex(/^[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,7})?$/),
  auto_update: z.boolean(),
  auto_scale: z.boolean(),
};
export const tenantSettingsSchema = z.strictObject(settingFields);
export type TenantSettings = z.infer<typeof tenantSettingsSchema>;

const common = {
  connection_timeout_seconds: 30,
  idle_timeout_seconds: 600,
  max_cpu_percent: 80,
  max_memory_mb: 2048,
  max_storage_gb: 100,
  max_concurrent_queries: 100,
  timezone: 'UTC',
  locale: 'en_US',
  auto_update: true,
  auto_scale: false,
} as const;

/** What a tenant gets when neither the request nor a `DEFAULT_*` variable says otherwise. */
export const TIER_DEFAULTS: Readonly<Record<Tier, TenantSettings>> = {
  enterprise: { min_connections: 10, max_connections: 50, ...common },
  standard: { min_connections: 5, max_connections: 20, ...common },
  small: { min_connections: 2, max_connections: 10, ...common },
};

/** What `TenantConfigUpdatedEvent` may change. Pool sizes have their own event. */
export const CONFIG_KEYS = [
  'tenant_name',
  'owner_email',
  'connection_timeout_seconds',
  'idle_timeout_seconds',
  'max_cpu_percent',
  'max_memory_mb',
  'max_storage_gb',
  'max_concurrent_queries',
  'timezone',
  'locale',
  'auto_update',
  'auto_scale',
] as const;
export const configKeySchema = z.enum(CONFIG_KEYS);
export type ConfigKey = z.infer<typeof configKeySchema>;
