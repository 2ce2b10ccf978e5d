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
