import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createCommandHandler } from '@ultracore/event-sourcing';
import { TOPICS } from '@ultracore/contracts';
import { createEventStoreDb } from '@ultracore/eventstoredb';
import { connectKafka, createConsumer, createMessageCodec, createPublisher } from '@ultracore/kafka';
import { createCheckpoint, createPool } from '@ultracore/postgres';
import {
  createAuthenticator,
  createCrashPoints,
  createHealth,
  createHttpServer,
  createLogger,
  Registry,
  runMain,
  runService,
} from '@ultracore/service';
import { readConfig } from './config.ts';
import { createFactHandler } from './inbound/consume/facts.ts';
import { createRequestHandler } from './inbound/consume/requests.ts';
import { createCreation } from './inbound/creation.ts';
import { createSchedule } from './inbound/timer/schedule.ts';
import { createRolloutExecutor } from './inbound/rollout/executor.ts';
import { createServers } from './inbound/servers.ts';
import { createNews } from './inbound/http/live/news.ts';
import { toProblemError } from './inbound/http/problems.ts';
import { addRolloutRoutes } from './inbound/http/rollout-routes.ts';
import { addTenantRoutes } from './inbound/http/routes.ts';
import { createMetrics } from './metrics.ts';
import { factTopics, messagesOfRegistry } from './messages.ts';
import { publishingFault } from './outbound/publishable.ts';
import { describeEvent } from './outbound/translate.ts';
import { createRelay } from './outbound/relay.ts';
import { createTenantProjector } from './readmodel/projector.ts';
import { provenVersion } from './readmodel/proven-version.ts';
import { rolloutProgress, rolloutReading } from './readmodel/rollout-reading.ts';
import { listTenants } from './readmodel/tenants.ts';
import { tenantsWaiting } from './readmodel/waiting.ts';
import { rolloutCodec } from './rollout/codec.ts';
import { rolloutDecider } from './rollout/decider.ts';
import { createHousekeeping } from './store/housekeeping.ts';
import { createRequestMemory } from './store/idempotency-keys.ts';
import { CHECKPOINTS, migrateRegistry, SCHEMA } from './store/schema.ts';
import { tenantCodec } from './tenant/codec.ts';
import { tenantDecider } from './tenant/decider.ts';

const NAME = 'registry';
/** A registry that dies is succeeded in its relay and projector after this time at the latest. */
const LEASE_TTL_MS = 4_000;
const TENANTS_CACHED = 20_000;
const ROLLOUTS_CACHED = 10;

await runMain(NAME, async () => {
  const config = readConfig();
  const logger = createLogger({ name: NAME, level: config.logLevel });
  const onBoundary = createCrashPoints(config.crashAt, { production: config.production });
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`;
  const metrics = new Registry();
  const measured = createMetrics(metrics);
  const readiness = createHealth();
  const liveness = createHealth();

  const pool = createPool({ connectionString: config.databaseUrl, applicationName: NAME, logger });
  const store = createEventStoreDb({
    connectionString: config.eventStoreUrl,
    onProblem: (problem) => logger.warn({ err: problem }, 'a subscription was interrupted; it goes on by itself'),
  });
  const kafka = connectKafka({ ...config.kafka, clientId: NAME, logger });
  const messages = await createMessageCodec({ schemaRegistryUrl: config.schemaRegistryUrl, messages: messagesOfRegistry() });
  const commands = createCommandHandler({
    store,
    decider: tenantDecider,
    codec: tenantCodec,
    cacheSize: TENANTS_CACHED,
    check: publishingFault,
  });

  const checkpoint = createCheckpoint(SCHEMA);
  const shared = { pool, store, holder, leaseTtlMs: LEASE_TTL_MS, logger, onBoundary };
  const projector = createTenantProjector(shared);
  const connectPublisher = () => createPublisher(kafka, messages, { transactionalId: 'registry-relay' });
  const relay = createRelay({ ...shared, connectPublisher, codec: messages, onPublished: measured.onPublished });
  measured.observe({ relay: relay.lagSeconds, projector: projector.lagSeconds });
  const facts = createConsumer(kafka, messages, {
    groupId: 'registry-facts',
    topics: factTopics(),
    handle: createFactHandler({ commands, logger, onBoundary }),
    onStopped: (error) => liveness.add('facts', () => error.message),
  });
  const creation = createCreation({ ...config, provenVersion: (tier) => provenVersion(pool, tier) });
  const servers = createServers(config.servers);
  const requests = createConsumer(kafka, messages, {
    groupId: 'registry-requests',
    topics: [TOPICS.requests],
    handle: createRequestHandler({ commands, store, creation, servers, allowed: config.requestsAllowed, logger }),
    onStopped: (error) => liveness.add('requests', () => error.message),
  });
  const schedule = createSchedule({
    ...shared,
    commands,
    tenantsWaiting: (query) => tenantsWaiting(pool, query),
    rotateAfterDays: config.rotateAfterDays,
  });
  const rollouts = createCommandHandler({ store, decider: rolloutDecider, codec: rolloutCodec, cacheSize: ROLLOUTS_CACHED });
  const rolloutExecutor = createRolloutExecutor({
    ...shared,
    rollouts,
    commands,
    progress: rolloutProgress(pool),
  });
  const housekeeping = createHousekeeping({ pool, logger });

  const authenticator = createAuthenticator(config.jwt);
  const server = await createHttpServer({
    logger,
    authenticator,
    title: 'UltraCore registry',
    version: '1',
    description: 'Tenants: their creation, their state and their history.',
    metrics,
    readiness,
    liveness,
    mapError: toProblemError,
  });
  addTenantRoutes(server, {
    commands,
    store,
    pool,
    creation,
    servers,
    listTenants: (query) => listTenants(pool, query),
    authenticator,
    news: createNews({ store, position: () => checkpoint.get(pool, CHECKPOINTS.tenants) }),
    describeEvent,
    onBoundary,
  });
  addRolloutRoutes(server, {
    rollouts,
    commands,
    pool,
    memory: createRequestMemory(pool),
    reading: rolloutReading(pool),
  });
  readiness.add('relay', relay.fault);
  readiness.add('projector', projector.fault);
  // Tenants are served all the same, and another registry would not lead it any better.
  readiness.add('rollout', rolloutExecutor.fault, { advisory: true });
  measured.watch({ relay: relay.fault, projector: projector.fault, schedule: schedule.fault, rollout: rolloutExecutor.fault });
  readiness.add('facts', () => facts.health());
  readiness.add('requests', () => requests.health());

  await runService({
    name: NAME,
    logger,
    parts: [
      { name: 'database', start: () => migrateRegistry(pool), stop: () => pool.end() },
      { name: 'event store', stop: () => store.stop() },
      { name: 'projector', start: projector.start, stop: projector.stop },
      { name: 'relay', start: relay.start, stop: relay.stop },
      { name: 'facts', start: () => facts.start(), stop: () => facts.stop() },
      { name: 'requests', start: () => requests.start(), stop: () => requests.stop() },
      { name: 'schedule', start: schedule.start, stop: schedule.stop },
      { name: 'rollout', start: rolloutExecutor.start, stop: rolloutExecutor.stop },
      { name: 'housekeeping', start: housekeeping.start, stop: housekeeping.stop },
      { name: 'http', start: () => server.listen(config.http), stop: () => server.close() },
    ],
  });
});
