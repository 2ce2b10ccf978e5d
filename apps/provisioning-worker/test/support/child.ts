import { createKeyRing, type KeyRingOptions } from '@ultracore/credentials';
import { createPool } from '@ultracore/postgres';
import { createLogger } from '@ultracore/service';
import { loadMigrations } from '@ultracore/tenant-database';
import type { AdminServer } from '../../src/config.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { StockSizes } from '../../src/provisioning/stock/tidy.ts';
import { createWorker } from '../../src/worker.ts';
import { createTableSink } from './told.ts';

/** What this process is told as its one argument, in JSON. */
export interface ChildOptions {
  readonly bookkeepingUrl: string;
  readonly servers: readonly AdminServer[];
  readonly master: KeyRingOptions;
  readonly migrationsDir: string;
  /** At this boundary the process gets this signal, once. */
  readonly at: string;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly leaseTtlMs: number;
  readonly stock?: StockSizes;
  readonly reconcileEveryMs?: number;
}

const options: ChildOptions = JSON.parse(process.argv[2] ?? '{}');
const logger = createLogger({ name: 'child' });
const pool = createPool({ connectionString: options.bookkeepingUrl, applicationName: 'child', max: 10, logger });
let pending = true;
const worker = createWorker({
  pool,
  facts: createTableSink(pool),
  keyRing: await createKeyRing(options.master),
  migrations: await loadMigrations(options.migrationsDir),
  servers: options.servers,
  concurrency: 4,
  reconcileEveryMs: options.reconcileEveryMs ?? 3_600_000,
  ...(options.stock ? { stock: options.stock } : {}),
  loginTests: 0,
  resealsPerSecond: 50,
  migrationLimits: { lockTimeoutMs: 1000, statementTimeoutMs: 20_000 },
  leaseTtlMs: options.leaseTtlMs,
  onBoundary(name) {
    if (!pending || name !== options.at) return;
    pending = false;
    process.kill(process.pid, options.signal);
  },
  metrics: createMetrics(),
  logger,
});
await worker.start();
