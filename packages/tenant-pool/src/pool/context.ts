import type { ConnectionOptions } from 'node:tls';
import type { Tenant } from './tenant.ts';
import type { Ticker } from './ticker.ts';

/** What the manager needs of a logger; a pino logger fits. */
export interface PoolLogger {
  warn(details: object, message: string): void;
}

/** What all pools of one manager share. */
export interface PoolContext {
  readonly ticker: Ticker;
  readonly logger: PoolLogger | undefined;
  readonly maxQueued: number;
  readonly replicaMaxLagMs: number;
  readonly connection: {
    readonly applicationName: string;
    readonly settings: Readonly<Record<string, string>>;
    readonly tls: ConnectionOptions | undefined;
    readonly maxRowBytes: number | undefined;
    readonly socketDirectory: (host: string, port: number) => string | undefined;
  };
  /** The tenant has a pool from now on: it is looked after, now and then. */
  keepUp(tenant: Tenant): void;
}
