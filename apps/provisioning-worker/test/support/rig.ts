import { fileURLToPath } from 'node:url';
import { createKeyRing, type KeyRing } from '@ultracore/credentials';
import { createPool, migrate } from '@ultracore/postgres';
import { createLogger, type Logger } from '@ultracore/service';
import { bootstrapServer, loadMigrations, type Migration } from '@ultracore/tenant-database';
import { startPrivatePostgres, uniqueName, type PrivatePostgres } from '@ultracore/testkit';
import { Client, type Pool } from 'pg';
import { onTestFailed } from 'vitest';
import type { AdminServer } from '../../src/config.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/worker.ts';
import { createTableSink } from './told.ts';

export const ADMIN_PASSWORD = 'admin-of-the-test';
export const MASTER = { masterPassword: 'master of the test', keyId: 'k1', rounds: 100_000 };
export const TENANT_MIGRATIONS = fileURLToPath(new URL('../../../../infra/tenant-schema/migrations', import.meta.url));
const MIGRATION_LIMITS = { lockTimeoutMs: 1000, statementTimeoutMs: 20_000 };
const WORKER_MIGRATIONS = fileURLToPath(new URL('../../src/store/migrations', import.meta.url));

/** A Postgres server fit for tenants. */
export interface HomeServer extends AdminServer {
  readonly postgres: PrivatePostgres;
  /** Runs a statement as superuser in one of its databases. */
  query<Row extends object>(sql: string, values?: unknown[], database?: string): Promise<Row[]>;
}

export async function startHomeServer(name: string): Promise<HomeServer> {
  const postgres = await startPrivatePostgres(['max_connections=200', 'fsync=off']);
  await bootstrapServer(postgres.url(), { adminPassword: ADMIN_PASSWORD });
  return {
    name,
    host: postgres.host,
    port: postgres.port,
    user: 'ultracore_admin',
    password: ADMIN_PASSWORD,
    postgres,
    async query(sql, values = [], database = 'postgres') {
      const client = new Client({ connectionString: postgres.url(database) });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query(sql, values)).rows;
      } finally {
        await client.end();
      }
    },
  };
}

/** A bookkeeping of a test's own, and all that a worker needs beside servers. */
export interface Rig extends AsyncDisposable {
  readonly url: string;
  readonly pool: Pool;
  readonly keyRing: KeyRing;
  readonly migrations: Migration[];
  readonly logger: Logger;
  /** Everything that was logged. */
  readonly log: string[];
  worker(servers: readonly AdminServer[], options?: Partial<WorkerOptions>): Promise<Worker>;
}

export async function createRig(on: PrivatePostgres): Promise<Rig> {
  const database = uniqueName('bookkeeping');
  const log: string[] = [];
  onTestFailed(() => void process.stderr.write(log.slice(-60).join('')));
  const logger = createLogger({ name: 'test', level: 'debug', destination: { write: (line) => void log.push(line) } });
  const admin = new Client({ connectionString: on.url() });
  await admin.connect();
  await admin.query(`create database ${database}`);
  await admin.query(`revoke all on database ${database} from public`);
  const url = on.url(database);
  const pool = createPool({ connectionString: url, applicationName: 'bookkeeping', max: 20, logger });
  await migrate(pool, { directory: WORKER_MIGRATIONS, schema: 'worker' });
  await pool.query(
    'create table told (position bigint generated always as identity, id uuid, type text, tenant_id text, causation_id uuid, body jsonb)',
  );
  const keyRing = await createKeyRing(MASTER);
  const migrations = await loadMigrations(TENANT_MIGRATIONS);
  const workers: Worker[] = [];
  return {
    url,
    pool,
    keyRing,
    migrations,
    logger,
    log,
    async worker(servers, options = {}) {
      const worker = createWorker({
        pool,
        facts: createTableSink(pool),
        keyRing,
        migrations,
        servers,
        concurrency: 4,
        reconcileEveryMs: 3_600_000,
        loginTests: 50,
        resealsPerSecond: 50,
        migrationLimits: MIGRATION_LIMITS,
        onBoundary: () => undefined,
        metrics: createMetrics(),
        logger,
        ...options,
      });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await pool.end();
      await admin.query(`drop database ${database} with (force)`);
      await admin.end();
    },
  };
}
