import { createCommandHandler, createInMemoryEventStore, type EventStore } from '@ultracore/event-sourcing';
import { createPool } from '@ultracore/postgres';
import { createHttpServer, createLogger, ProblemError, type HttpServer, type Principal } from '@ultracore/service';
import { freshDatabase, testStack } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { createCreation } from '../src/inbound/creation.ts';
import { createNews } from '../src/inbound/http/live/news.ts';
import { toProblemError } from '../src/inbound/http/problems.ts';
import { addRolloutRoutes } from '../src/inbound/http/rollout-routes.ts';
import { addTenantRoutes } from '../src/inbound/http/routes.ts';
import type { PlacementServer } from '../src/inbound/placement.ts';
import { createServers } from '../src/inbound/servers.ts';
import { describeEvent } from '../src/outbound/translate.ts';
import { provenVersion } from '../src/readmodel/proven-version.ts';
import { rolloutReading } from '../src/readmodel/rollout-reading.ts';
import { listTenants } from '../src/readmodel/tenants.ts';
import { rolloutCodec } from '../src/rollout/codec.ts';
import { rolloutDecider } from '../src/rollout/decider.ts';
import { createRequestMemory } from '../src/store/idempotency-keys.ts';
import { migrateRegistry } from '../src/store/schema.ts';
import { tenantCodec } from '../src/tenant/codec.ts';
import { tenantDecider } from '../src/tenant/decider.ts';

export const logger = createLogger({ name: 'registry-test', level: 'silent' });

/** Tokens of the tests: the word is the whole token. */
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  operator: { subject: 'op-1', email: 'op@ultracore.test', roles: ['operator'] },
  auditor: { subject: 'au-1', email: 'au@ultracore.test', roles: ['auditor'] },
  creator: { subject: 'cr-1', email: 'Ada@Firm.example', roles: ['creator'] },
  stranger: { subject: 'st-1', email: 'eve@elsewhere.example', roles: ['creator'] },
  nobody: { subject: 'no-1', roles: [] },
};

const authenticator = {
  authenticate(authorization: string | undefined): Promise<Principal> {
    const principal = PRINCIPALS[authorization?.replace('Bearer ', '') ?? ''];
    if (principal) return Promise.resolve(principal);
    return Promise.reject(new ProblemError({ status: 401, code: 'token_missing', detail: 'No token.' }));
  },
};

export const servers: readonly PlacementServer[] = [
  { name: 'a', host: 'pg-a', port: 5432, connectionBudget: 100, standbys: [{ host: 'pg-a2', port: 5432 }] },
  { name: 'b', host: 'pg-b', port: 5433, connectionBudget: 300, standbys: [] },
];

export interface TestApp extends AsyncDisposable {
  readonly server: HttpServer;
  readonly store: EventStore;
  readonly pool: Pool;
  /** Another registry on the same stores, with the same servers unless told otherwise. */
  readonly sibling: (list?: readonly PlacementServer[]) => Promise<HttpServer>;
  readonly call: (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, options?: CallOptions) => Promise<Answer>;
}

interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Instead of the one of this app. */
  readonly server?: HttpServer;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, field by field, by tests
  readonly body: any;
  readonly text: string;
}

/** A registry's HTTP side on a fresh database and the given event store. */
export async function startApp(store: EventStore = createInMemoryEventStore()): Promise<TestApp> {
  const database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'registry-test', logger });
  await migrateRegistry(pool);
  const opened: HttpServer[] = [];
  const sibling = async (list = servers): Promise<HttpServer> => {
    const server = await buildServer(store, pool, list);
    opened.push(server);
    return server;
  };
  const server = await sibling();
  return {
    server,
    store,
    pool,
    sibling,
    async call(method, url, { token = 'operator', body, headers = {}, server: other = server } = {}) {
      const response = await other.inject({
        method,
        url,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: response.headers['content-type']?.toString().includes('json') ? response.json() : undefined,
        text: response.body,
      };
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each.close();
      await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function buildServer(store: EventStore, pool: Pool, list: readonly PlacementServer[]): Promise<HttpServer> {
  const server = await createHttpServer({ logger, authenticator, title: 'registry', version: '1', mapError: toProblemError });
  const commands = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 100 });
  addRolloutRoutes(server, {
    rollouts: createCommandHandler({ store, decider: rolloutDecider, codec: rolloutCodec, cacheSize: 10 }),
    commands,
    pool,
    memory: createRequestMemory(pool),
    reading: rolloutReading(pool),
  });
  addTenantRoutes(server, {
    commands,
    store,
    pool,
    servers: createServers(list),
    creation: createCreation({
      servers: list,
      defaults: { max_storage_gb: 250 },
      provenVersion: (tier) => provenVersion(pool, tier),
    }),
    listTenants: (query) => listTenants(pool, query),
    authenticator,
    news: createNews({ store, position: () => Promise.resolve(null) }),
    heartbeatMs: 50,
    describeEvent,
    onBoundary: () => undefined,
  });
  await server.ready();
  return server;
}
