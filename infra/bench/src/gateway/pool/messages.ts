import { z } from 'zod';

/** How a Node program can ask Postgres, each with `CONNECTIONS` connections at most. */
export const VARIANTS = ['pg', 'pg pipeline', 'tenant-pool query', 'tenant-pool submit'] as const;
export type Variant = (typeof VARIANTS)[number];

export const CONNECTIONS = 4;

export const poolLoginSchema = z.object({
  /** Directory of Postgres's unix socket. */
  host: z.string(),
  port: z.number(),
  tenantId: z.string(),
  user: z.string(),
  password: z.string(),
  database: z.string(),
});
export type PoolLogin = z.infer<typeof poolLoginSchema>;

export type PoolOrder = { variant: Variant; workload: 'point' | 'rows'; callers: number; ms: number };

export interface PoolResult {
  requests: number;
  seconds: number;
  cpuUs: number;
  p50: number;
  p99: number;
}
