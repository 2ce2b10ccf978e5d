import { fileURLToPath } from 'node:url';
import { connectKafka, createConsumer, createMessageCodec, createPublisher } from '@ultracore/kafka';
import { createPool, migrate } from '@ultracore/postgres';
import {
  createAuthenticator,
  createCrashPoints,
  createHealth,
  createHttpServer,
  createLogger,
  runMain,
  runService,
} from '@ultracore/service';
import { loadMigrations } from '@ultracore/tenant-database';
import { readConfig } from './config.ts';
import { CONSUMED_MESSAGES, CONSUMED_TOPICS, createMessageHandler } from './inbound/consume.ts';
import { createMetrics } from './metrics.ts';
import { openKeyRing } from './outbound/key-ring.ts';
import { FACT_MESSAGES } from './outbound/translate/fact.ts';
import { readIdentity } from './store/identity.ts';
import { createWorker } from './worker.ts';

const NAME = 'provisioning-worker';
const BOOKKEEPING_CONNECTIONS = 20;
/** A loop that has not come round for so long hangs. */
const LONGEST_ROUND_MS = 60_000;

await runMain(NAME, async () => {
  const config = readConfig();
  const logger = createLogger({ name: NAME, level: config.LOG_LEVEL });
  const onBoundary = createCrashPoints(config.ULTRACORE_CRASH_AT, { production: config.NODE_ENV === 'production' });
  const migrations = await loadMigrations(config.TENANT_MIGRATIONS_DIR);

  const pool = createPool({
    connectionString: config.DATABASE_URL,
    applicationName: NAME,
    max: BOOKKEEPING_CONNECTIONS,
    logger,
  });
  await migrate(pool, { directory: fileURLToPath(new URL('store/migrations', import.meta.url)), schema: 'worker' });
  const keyRing = await openKeyRing(pool, config.master);

  const kafka = connectKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: NAME,
    username: config.KAFKA_USERNAME,
    password: config.KAFKA_PASSWORD,
    sessionTimeoutMs: config.KAFKA_SESSION_TIMEOUT_MS,
    logger,
  });
  const codec = await createMessageCodec({
    schemaRegistryUrl: config.SCHEMA_REGISTRY_URL,
    messages: [...CONSUMED_MESSAGES, ...FACT_MESSAGES],
  });
  const publisher = await createPublisher(kafka, codec);

  const metrics = createMetrics();
  const worker = createWorker({
    pool,
    facts: publisher,
    keyRing,
    migrations,
    servers: config.servers,
    concurrency: config.WORKER_CONCURRENCY,
    migrationsAtOnce: config.WORKER_MIGRATIONS,
    reconcileEveryMs: config.RECONCILE_EVERY_SECONDS * 1000,
    loginTests: config.RECONCILE_LOGIN_TESTS,
    drift: { everyMs: config.WORKER_DRIFT_EVERY_SECONDS * 1000, checks: config.WORKER_DRIFT_CHECKS },
    resealsPerSecond: config.RESEALS_PER_SECOND,
    stock: { enterprise: config.WORKER_STOCK_ENTERPRISE, standard: config.WORKER_STOCK_STANDARD },
    migrationLimits: {
      lockTimeoutMs: config.MIGRATION_LOCK_TIMEOUT_SECONDS * 1000,
      statementTimeoutMs: config.MIGRATION_STATEMENT_TIMEOUT_SECONDS * 1000,
    },
    onBoundary,
    metrics,
    logger,
  });
  const consumer = createConsumer(kafka, codec, {
    groupId: `${NAME}-${await readIdentity(pool)}`,
    topics: CONSUMED_TOPICS,
    handle: createMessageHandler({ pool, wake: () => worker.wake() }),
    onStopped(error) {
      logger.fatal({ err: error }, 'the consumer has stopped for good');
      process.exit(1);
    },
  });

  const readiness = createHealth();
  readiness.add('bookkeeping', async () => void (await pool.query('select 1')));
  readiness.add('kafka', () => consumer.health());
  for (const server of worker.servers)
    readiness.add(`postgres server ${server.name}`, () => server.problem(), { advisory: true });
  readiness.add('postgres servers', () =>
    worker.servers.every((server) => server.problem() !== undefined) ? 'none of them can be used' : undefined,
  );
  const liveness = createHealth();
  liveness.add('work loop', () => (worker.idleMs() > LONGEST_ROUND_MS ? 'it has not looked for work for a minute' : undefined));
  const http = await createHttpServer({
    logger,
    authenticator: createAuthenticator({ issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE, jwksUrl: config.JWKS_URL }),
    title: 'UltraCore provisioning worker',
    version: '1',
    readiness,
    liveness,
    metrics: metrics.registry,
  });

  await runService({
    name: NAME,
    logger,
    parts: [
      { name: 'bookkeeping', stop: () => pool.end() },
      { name: 'publisher', stop: () => publisher.stop() },
      { name: 'worker', start: () => worker.start(), stop: () => worker.stop() },
      { name: 'consumer', start: () => consumer.start(), stop: () => consumer.stop() },
      { name: 'http', start: () => http.listen({ host: config.HTTP_HOST, port: config.HTTP_PORT }), stop: () => http.close() },
    ],
  });
});
