import { TOPICS } from '@ultracore/contracts';
import { connectKafka, createConsumer, createMessageCodec } from '@ultracore/kafka';
import { createAuthenticator, createHealth, createHttpServer, createLogger, runMain, runService } from '@ultracore/service';
import { tenantIsolation } from '@ultracore/tenant-context';
import type { FastifyRequest } from 'fastify';
import { addClientRoutes } from './clients/routes.ts';
import { addComplianceRoutes } from './compliance/routes.ts';
import { readConfig } from './config.ts';
import { createDatabases } from './database/databases.ts';
import { addCallerDatabase } from './http/caller-database.ts';
import { toProblemError } from './http/problems.ts';
import { createActivationHandler } from './onboarding/activated.ts';
import { addPortfolioRoutes } from './portfolios/routes.ts';
import { addReportRoutes } from './reporting/routes.ts';
import { addOrderRoutes } from './trading/routes.ts';

const NAME = 'example-portfolios';

/** Where the gateway checks callers: a user without a tenant in its token may have a grant, of which only the gateway knows. */
const isNotOfAnother = ({ principal }: FastifyRequest, tenantId: string): boolean =>
  (principal.tenantId ?? tenantId) === tenantId;

await runMain(NAME, async () => {
  const config = readConfig();
  const logger = createLogger({ name: NAME, level: config.logLevel });
  const readiness = createHealth();
  const liveness = createHealth();
  const databases = createDatabases(config.database, logger);

  const kafka = connectKafka({ ...config.kafka, clientId: NAME, logger });
  const codec = await createMessageCodec({
    schemaRegistryUrl: config.schemaRegistryUrl,
    messages: [{ topic: TOPICS.lifecycle, type: 'TenantActivatedEvent' }],
  });
  const activations = createConsumer(kafka, codec, {
    groupId: config.kafkaGroup,
    topics: [TOPICS.lifecycle],
    handle: createActivationHandler({ database: databases.forService, logger }),
    onStopped: (error) => liveness.add('activations', () => error.message),
  });
  readiness.add('activations', () => activations.health());

  const server = await createHttpServer({
    logger,
    authenticator: createAuthenticator(config.jwt),
    title: 'Portfolios',
    version: '1',
    description: 'An example of a product service: each request is for one tenant.',
    readiness,
    liveness,
    mapError: toProblemError,
  });
  await server.register(tenantIsolation, databases.checksCallers ? { authorize: isNotOfAnother } : {});
  addCallerDatabase(server, (authorization) => databases.forCaller(authorization));
  addClientRoutes(server);
  addPortfolioRoutes(server);
  addOrderRoutes(server);
  addComplianceRoutes(server);
  addReportRoutes(server);

  await runService({
    name: NAME,
    logger,
    parts: [
      { name: 'databases', stop: () => databases.close() },
      { name: 'activations', start: () => activations.start(), stop: () => activations.stop() },
      { name: 'http', start: () => server.listen(config.http), stop: () => server.close() },
    ],
  });
});
