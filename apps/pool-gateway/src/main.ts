import { randomUUID } from 'node:crypto';
import { TOPICS } from '@ultracore/contracts';
import { createKeyRing } from '@ultracore/credentials';
import { connectKafka, createDirectoryReader, createMessageCodec, createPublisher } from '@ultracore/kafka';
import {
  createAuthenticator,
  createHealth,
  createHttpServer,
  createLogger,
  Registry,
  runMain,
  runService,
} from '@ultracore/service';
import { createTenantConnectionPoolManager } from '@ultracore/tenant-pool';
import { lostRights } from './access/lost-rights.ts';
import { readConfig } from './config.ts';
import { createTenantDirectory } from './directory/directory.ts';
import { attachHotPath } from './inbound/hot-path/hot-path.ts';
import { createHotQuery, createTokenCheck, QUERY_LINE, type HotQueryDeps } from './inbound/hot-path/hot-query.ts';
import { createCalls } from './inbound/http/calls.ts';
import { addPoolRoutes } from './inbound/http/pool-routes.ts';
import { addQueryRoutes } from './inbound/http/query-routes.ts';
import { createUsageReporter, USAGE_MESSAGE } from './metering/reporter.ts';
import { createPoolUsage, toPoolUsage } from './metering/pool-usage.ts';
import { createUsageWindows } from './metering/windows.ts';
import { createMetrics } from './metrics.ts';
import { createMemoryBudget } from './query/budget.ts';
import { createQueryService } from './query/query-service.ts';
import { createStatementGuard } from './statement/guard.ts';

const NAME = 'pool-gateway';
const DIRECTORY_MESSAGES = ['TenantDirectoryRecord', 'DirectoryBeat'].map((type) => ({ topic: TOPICS.directory, type }));
const KEY_CHECK_EVERY_MS = 200;
/** What a stop needs beside the draining: closing connections, sending the last usage. */
const STOP_MARGIN_MS = 15_000;

await runMain(NAME, async () => {
  const config = readConfig();
  const logger = createLogger({ name: NAME, level: config.logLevel });
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const readiness = createHealth();
  const liveness = createHealth();
  const [keyRing, guard] = await Promise.all([createKeyRing(config.master), createStatementGuard()]);

  const kafka = connectKafka({ ...config.kafka, clientId: NAME, logger });
  const codec = await createMessageCodec({
    schemaRegistryUrl: config.schemaRegistryUrl,
    messages: [...DIRECTORY_MESSAGES, USAGE_MESSAGE],
  });
  const publisher = await createPublisher(kafka, codec);

  const pools = createTenantConnectionPoolManager({
    serverBudgets: config.serverBudget,
    applicationName: `${NAME}.${config.instance}`,
    statementTimeoutMs: config.limits.maxTimeoutMs,
    socketDirectory: config.socketDirectory,
    tls: config.postgresTls ? {} : undefined,
    maxQueued: config.maxQueued,
    // As Postgres sends it a row may be that much longer than as JSON: four bytes for each of its columns, 1,664 at most.
    maxRowBytes: config.limits.maxResultBytes + 8 * 1024,
    logger,
  });
  const windows = createUsageWindows({ meter: `${NAME}.${config.instance}`, start: new Date(), newId: randomUUID });
  const poolOf = createPoolUsage(pools);
  const calls = createCalls();
  const directory = createTenantDirectory({
    keyRing,
    gateways: config.instances,
    logger,
    register: (registration) => pools.registerTenant(registration),
    remove(tenantId, reason) {
      const usage = pools.removeTenant(tenantId, reason);
      windows.settle(tenantId, usage && (() => toPoolUsage(usage())));
    },
    changed: (before, now) => calls.endWhere((asked) => lostRights(asked, before, now)),
  });
  const reader = createDirectoryReader(kafka, codec, {
    clientId: NAME,
    staleAfterMs: config.staleAfterMs,
    onRow: directory.onRow,
    onUnreadable: directory.onUnreadable,
    onStopped: (error) => liveness.add('directory', () => error.message),
  });
  directory.follow(reader);
  const keyCheck = setInterval(() => {
    if (directory.currentness() === 'starting') return;
    clearInterval(keyCheck);
    const wrong = directory.wrongKeys();
    if (wrong === undefined) return;
    logger.fatal(wrong);
    process.exit(1);
  }, KEY_CHECK_EVERY_MS);

  const usage = createUsageReporter({ windows, publisher, poolOf, everyMs: config.meteringMs, logger });
  const memory = createMemoryBudget(config.limits.maxBufferedBytes, config.limits.maxBufferedBytesOfTenant);
  const queries = createQueryService({
    directory,
    pools,
    guard,
    limits: config.limits,
    memory,
    meter: windows,
    outcomes: metrics,
  });

  readiness.add('directory', () => directory.fault() ?? reader.health());
  // One server of several may be down, and a tenant's trouble is no other's.
  readiness.add('pools', () => pools.health(), { advisory: true });
  const authenticator = createAuthenticator(config.jwt);
  const server = await createHttpServer({
    logger,
    authenticator,
    title: 'UltraCore pool gateway',
    version: '1',
    description: "Tenants' SQL over HTTP, and the connections that it runs on.",
    bodyLimit: config.maxBodyBytes,
    metrics: registry,
    readiness,
    liveness,
  });
  server.server.maxConnections = config.maxConnections;
  addQueryRoutes(server, { queries, calls });
  addPoolRoutes(server, { pools, directory });
  const hotQuery: HotQueryDeps = {
    authenticator,
    queries,
    calls,
    logger,
    onAnswered: (status, ms) => server.observeRequest('POST', '/v1/query', status, ms),
  };
  const hotPath = attachHotPath(server.server, {
    requestLine: QUERY_LINE,
    handle: createHotQuery(hotQuery),
    check: createTokenCheck(hotQuery),
  });
  server.addHook('preClose', () => {
    hotPath.close();
    return calls.drain(config.drainMs);
  });
  metrics.show({
    requests_under_way: { help: 'Requests for SQL that are not answered yet.', read: () => calls.underWay },
    directory_tenants: { help: 'Tenants in the copy of the directory.', read: directory.size },
    directory_current: { help: '1 while the copy may be acted on.', read: () => (directory.currentness() === 'current' ? 1 : 0) },
    connections: { help: 'Connections to Postgres, of all tenants.', read: () => pools.totals().connections },
    requests_waiting: { help: 'Requests that wait for a connection.', read: () => pools.totals().waiting },
    buffered_bytes: { help: 'Memory that larger answers and bodies of requests take.', read: () => memory.used },
    usage_unsent: { help: 'Usage events that Kafka has not acknowledged.', read: usage.unsent },
  });

  await runService({
    name: NAME,
    logger,
    stopDeadlineMs: config.drainMs + STOP_MARGIN_MS,
    parts: [
      { name: 'publisher', stop: () => publisher.stop() },
      { name: 'usage', start: usage.start, stop: usage.stop },
      { name: 'pools', stop: () => pools.close() },
      { name: 'statement guard', stop: () => guard.close() },
      { name: 'key check', stop: () => clearInterval(keyCheck) },
      { name: 'directory', start: () => reader.start(), stop: () => reader.stop() },
      { name: 'http', start: () => server.listen(config.http), stop: () => server.close() },
    ],
  });
});
