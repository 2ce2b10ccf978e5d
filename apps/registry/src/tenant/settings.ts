/** What a tenant may use and how it behaves. Every tenant has all of them from its first event on. */
export interface TenantSettings {
  readonly minConnections: number;
  readonly maxConnections: number;
  readonly connectionTimeoutSeconds: number;
  readonly idleTimeoutSeconds: number;
  readonly maxCpuPercent: number;
  readonly maxMemoryMb: number;
  readonly maxStorageGb: number;
  readonly maxConcurrentQueries: number;
  readonly timezone: string;
  readonly locale: string;
  readonly autoUpdate: boolean;
  readonly autoScale: boolean;
}

/** What can be configured one by one, by the names of the contract. The sizes of the pool belong together and have a command of their own. */
export type ConfigKey =
  | 'tenant_name'
  | 'owner_email'
  | 'connection_timeout_seconds'
  | 'idle_timeout_seconds'
  | 'max_cpu_percent'
  | 'max_memory_mb'
  | 'max_storage_gb'
  | 'max_concurrent_queries'
  | 'timezone'
  | 'locale'
  | 'auto_update'
  | 'auto_scale';
export type ConfigValue = string | number | boolean;

/** Where a key's value is kept, for those that are settings. */
export const SETTING_OF_KEY = {
  connection_timeout_seconds: 'connectionTimeoutSeconds',
  idle_timeout_seconds: 'idleTimeoutSeconds',
  max_cpu_percent: 'maxCpuPercent',
  max_memory_mb: 'maxMemoryMb',
  max_storage_gb: 'maxStorageGb',
  max_concurrent_queries: 'maxConcurrentQueries',
  timezone: 'timezone',
  locale: 'locale',
  auto_update: 'autoUpdate',
  auto_scale: 'autoScale',
} as const satisfies Readonly<Record<Exclude<ConfigKey, 'tenant_name' | 'owner_email'>, keyof TenantSettings>>;

export type ResourceType = 'cpu' | 'memory' | 'storage' | 'connections' | 'queries';

/** The limit that scaling a resource moves. */
export const LIMIT_OF_RESOURCE = {
  cpu: 'maxCpuPercent',
  memory: 'maxMemoryMb',
  storage: 'maxStorageGb',
  connections: 'maxConnections',
  queries: 'maxConcurrentQueries',
} as const satisfies Readonly<Record<ResourceType, keyof TenantSettings>>;
