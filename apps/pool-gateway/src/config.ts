import { hostSchema } from '@ultracore/contracts';
import {
  loadConfig,
  masterKeyRules,
  masterKeysOf,
  masterKeyVariables,
  serviceVariables,
  variable,
  type Environment,
} from '@ultracore/service';
import { z } from 'zod';

/** One more gateway than at most runs for good: while they are replaced one by one. */
const SURGE = 1;

const address = { host: hostSchema, port: z.int().min(1).max(65_535) };
const fileServers = z
  .array(
    // Names of servers and of admin secrets are in the same file; they are the registry's and the worker's business.
    z.object({ ...address, connection_budget: z.int().min(1), standbys: z.array(z.object(address)).default([]) }),
  )
  .min(1);

const MIB = 1024 * 1024;

const variables = z
  .object({
    ...serviceVariables,
    ...masterKeyVariables,
    /** Given as POSTGRES_SERVERS_FILE. */
    POSTGRES_SERVERS: variable.json(fileServers).optional(),
    /** Connections of all gateways together to a server that POSTGRES_SERVERS_FILE does not name. */
    GATEWAY_CONNECTION_BUDGET: variable.integer({ min: 1, max: 10_000 }).default(90),
    /** Tells this gateway's usage from that of its siblings. */
    GATEWAY_INSTANCE: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_.-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, _, . and -')
      .default('gw-1'),
    GATEWAY_MAX_INSTANCES: variable.integer({ min: 1, max: 1000 }).default(1),
    /** Directory of a unix socket, used for servers on this host. */
    GATEWAY_POSTGRES_SOCKET_DIRECTORY: z.string().startsWith('/', 'must be an absolute path').optional(),
    GATEWAY_POSTGRES_TLS: variable.flag().default(false),
    /** What a request without `timeout_ms` gets, and the most that it may ask for. */
    GATEWAY_STATEMENT_TIMEOUT_MS: variable.integer({ min: 100, max: 600_000 }).default(30_000),
    GATEWAY_STATEMENT_TIMEOUT_MAX_MS: variable.integer({ min: 100, max: 3_600_000 }).default(300_000),
    /** Of callers; more are not accepted. */
    GATEWAY_MAX_CONNECTIONS: variable.integer({ min: 1, max: 1_000_000 }).default(10_000),
    /** So many tokens in use are all remembered, so that the signature of each is checked once in five minutes and not with each request. */
    GATEWAY_REMEMBERED_TOKENS: variable.integer({ min: 1, max: 1_000_000 }).default(20_000),
    GATEWAY_MAX_BODY_BYTES: variable.integer({ min: 1024, max: 256 * MIB }).default(4 * MIB),
    /** Of an answer that is not streamed. */
    GATEWAY_MAX_RESULT_BYTES: variable.integer({ min: 1024, max: 1024 * MIB }).default(32 * MIB),
    GATEWAY_MAX_RESULT_ROWS: variable.integer({ min: 1, max: 100_000_000 }).default(100_000),
    /** Of all answers together that are being gathered in memory, and of the long bodies of the requests under way. */
    GATEWAY_MAX_BUFFERED_BYTES: variable.integer({ min: MIB, max: 65_536 * MIB }).default(256 * MIB),
    GATEWAY_MAX_QUEUED: variable.integer({ min: 1, max: 1_000_000 }).default(1000),
    GATEWAY_DIRECTORY_STALE_SECONDS: variable.integer({ min: 2, max: 3600 }).default(30),
    GATEWAY_DRAIN_SECONDS: variable.integer({ min: 0, max: 600 }).default(10),
    GATEWAY_METERING_SECONDS: variable.integer({ min: 1, max: 3600 }).default(60),
  })
  // With `when`, also while another variable is wrong: every mistake at once.
  .refine(...masterKeyRules.previous)
  .refine(...masterKeyRules.next)
  .refine((env) => !(env.GATEWAY_STATEMENT_TIMEOUT_MS > env.GATEWAY_STATEMENT_TIMEOUT_MAX_MS), {
    when: () => true,
    path: ['GATEWAY_STATEMENT_TIMEOUT_MS'],
    message: 'is larger than GATEWAY_STATEMENT_TIMEOUT_MAX_MS',
  });

type Read = z.output<typeof variables>;

/** What the gateway is told by its environment. Throws `ServiceError` `config_invalid` that lists every mistake. */
export function readConfig(env: Environment = process.env) {
  const read = loadConfig(variables, env);
  return {
    logLevel: read.LOG_LEVEL,
    http: { host: read.HTTP_HOST, port: read.HTTP_PORT },
    kafka: { brokers: read.KAFKA_BROKERS, username: read.KAFKA_USERNAME, password: read.KAFKA_PASSWORD },
    schemaRegistryUrl: read.SCHEMA_REGISTRY_URL,
    jwt: {
      issuer: read.JWT_ISSUER,
      audience: read.JWT_AUDIENCE,
      jwksUrl: read.JWKS_URL,
      rememberedTokens: read.GATEWAY_REMEMBERED_TOKENS,
    },
    master: masterKeysOf(read),
    instance: read.GATEWAY_INSTANCE,
    instances: read.GATEWAY_MAX_INSTANCES,
    serverBudget: budgetsOf(read),
    socketDirectory: socketDirectoryOf(read),
    postgresTls: read.GATEWAY_POSTGRES_TLS,
    limits: {
      timeoutMs: read.GATEWAY_STATEMENT_TIMEOUT_MS,
      maxTimeoutMs: read.GATEWAY_STATEMENT_TIMEOUT_MAX_MS,
      maxResultBytes: read.GATEWAY_MAX_RESULT_BYTES,
      maxResultRows: read.GATEWAY_MAX_RESULT_ROWS,
      maxBufferedBytes: read.GATEWAY_MAX_BUFFERED_BYTES,
      // Half of it, or what the largest answer takes.
      maxBufferedBytesOfTenant: Math.max(read.GATEWAY_MAX_BUFFERED_BYTES / 2, 2 * read.GATEWAY_MAX_RESULT_BYTES),
    },
    maxConnections: read.GATEWAY_MAX_CONNECTIONS,
    maxBodyBytes: read.GATEWAY_MAX_BODY_BYTES,
    maxQueued: read.GATEWAY_MAX_QUEUED,
    staleAfterMs: read.GATEWAY_DIRECTORY_STALE_SECONDS * 1000,
    drainMs: read.GATEWAY_DRAIN_SECONDS * 1000,
    meteringMs: read.GATEWAY_METERING_SECONDS * 1000,
  };
}

/** Connections that this gateway may have to a server; a standby has the budget of its primary. */
function budgetsOf(read: Read): (host: string, port: number) => number {
  const gateways = read.GATEWAY_MAX_INSTANCES + SURGE;
  const shareOf = (budget: number): number => Math.max(1, Math.floor(budget / gateways));
  const budgets = new Map<string, number>();
  for (const { host, port, standbys, connection_budget: budget } of read.POSTGRES_SERVERS ?? []) {
    for (const each of [{ host, port }, ...standbys]) budgets.set(`${each.host}:${each.port}`, shareOf(budget));
  }
  const ofOther = shareOf(read.GATEWAY_CONNECTION_BUDGET);
  return (host, port) => budgets.get(`${host}:${port}`) ?? ofOther;
}

/** A Unix socket reaches only servers on this host. */
function socketDirectoryOf({ GATEWAY_POSTGRES_SOCKET_DIRECTORY: directory }: Read): (host: string) => string | undefined {
  return (host) => (LOOPBACK.has(host) ? directory : undefined);
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);
