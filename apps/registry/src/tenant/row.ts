import type { Tier } from './facts.ts';
import type { TenantSettings } from './settings.ts';
import type { ExistingTenant, TenantStatus } from './state.ts';

/** The settings by their names outside: messages, HTTP, columns. */
export interface SettingsRow {
  readonly min_connections: number;
  readonly max_connections: number;
  readonly connection_timeout_seconds: number;
  readonly idle_timeout_seconds: number;
  readonly max_cpu_percent: number;
  readonly max_memory_mb: number;
  readonly max_storage_gb: number;
  readonly max_concurrent_queries: number;
  readonly timezone: string;
  readonly locale: string;
  readonly auto_update: boolean;
  readonly auto_scale: boolean;
}

/** A tenant as one row: the columns of `tenant_configs`, but for `master_password_hash`, which is always null. Times are ISO 8601 in UTC. */
export interface TenantRow extends SettingsRow {
  readonly tenant_id: string;
  readonly tenant_name: string;
  readonly tier: Tier;
  readonly status: TenantStatus;
  readonly owner_email: string;
  readonly db_host: string;
  readonly db_port: number;
  readonly db_name: string | null;
  readonly db_username: string | null;
  readonly db_password_encrypted: string | null;
  readonly schema_name: string | null;
  readonly readonly_db_host: string | null;
  readonly readonly_db_port: number | null;
  readonly readonly_db_username: string | null;
  readonly readonly_db_password_encrypted: string | null;
  readonly encryption_algorithm: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly created_by: string;
}

export const toSettingsRow = (settings: TenantSettings): SettingsRow => ({
  min_connections: settings.minConnections,
  max_connections: settings.maxConnections,
  connection_timeout_seconds: settings.connectionTimeoutSeconds,
  idle_timeout_seconds: settings.idleTimeoutSeconds,
  max_cpu_percent: settings.maxCpuPercent,
  max_memory_mb: settings.maxMemoryMb,
  max_storage_gb: settings.maxStorageGb,
  max_concurrent_queries: settings.maxConcurrentQueries,
  timezone: settings.timezone,
  locale: settings.locale,
  auto_update: settings.autoUpdate,
  auto_scale: settings.autoScale,
});

export const fromSettingsRow = (row: SettingsRow): TenantSettings => ({
  minConnections: row.min_connections,
  maxConnections: row.max_connections,
  connectionTimeoutSeconds: row.connection_timeout_seconds,
  idleTimeoutSeconds: row.idle_timeout_seconds,
  maxCpuPercent: row.max_cpu_percent,
  maxMemoryMb: row.max_memory_mb,
  maxStorageGb: row.max_storage_gb,
  maxConcurrentQueries: row.max_concurrent_queries,
  timezone: row.timezone,
  locale: row.locale,
  autoUpdate: row.auto_update,
  autoScale: row.auto_scale,
});

/** The one mapping of a tenant to a row: the read model, the directory and the HTTP answers all start from it. */
export function toRow(state: ExistingTenant): TenantRow {
  const home = 'home' in state ? state.home : null;
  const credential = 'credential' in state ? state.credential : null;
  return {
    tenant_id: state.tenantId,
    tenant_name: state.tenantName,
    tier: state.tier,
    status: state.status,
    owner_email: state.ownerEmail,
    db_host: state.dbHost,
    db_port: state.dbPort,
    db_name: home?.dbName ?? null,
    db_username: credential?.dbUsername ?? null,
    db_password_encrypted: credential?.dbPasswordEncrypted ?? null,
    schema_name: home?.schemaName ?? null,
    readonly_db_host: state.replica?.host ?? null,
    readonly_db_port: state.replica?.port ?? null,
    readonly_db_username: credential?.readonlyDbUsername ?? null,
    readonly_db_password_encrypted: credential?.readonlyDbPasswordEncrypted ?? null,
    ...toSettingsRow(state.settings),
    encryption_algorithm: credential?.encryptionAlgorithm ?? null,
    created_at: state.createdAt,
    updated_at: state.updatedAt,
    created_by: state.createdBy,
  };
}
