import { hostSchema } from '@ultracore/contracts';
import { loadConfig, serviceVariables, variable, type Environment } from '@ultracore/service';
import { z } from 'zod';
import { REQUEST_NAMES, type RequestName } from './inbound/consume/requested-command.ts';
import type { WantedSettings } from './inbound/creation.ts';
import { checkedSettings } from './inbound/http/schemas.ts';
import type { PlacementServer } from './inbound/placement.ts';

const fileServers = z
  .array(
    // The names of admin secrets are in the same file; they are the worker's business.
    z.object({
      name: z.string().min(1).max(100),
      host: hostSchema,
      port: z.int().min(1).max(65_535),
      connection_budget: z.int().min(1),
      standbys: z.array(z.object({ host: hostSchema, port: z.int().min(1).max(65_535) })).default([]),
    }),
  )
  .min(1)
  .refine((servers) => new Set(servers.map((server) => server.name)).size === servers.length, 'two servers have the same name');

const setting = (schema: z.ZodType<number, number>) =>
  z
    .string()
    .transform((text) => (text.trim() === '' ? Number.NaN : Number(text)))
    .pipe(schema)
    .optional();

const requestNames = (text: string, context: z.RefinementCtx): ReadonlySet<RequestName> => {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  // An empty variable counts as none, hence a word for it.
  if (text.trim() === 'none') return new Set();
  const known = REQUEST_NAMES.filter((name) => names.includes(name));
  const [unknown] = names.filter((name) => !known.some((each) => each === name));
  if (unknown !== undefined)
    context.addIssue({ code: 'custom', message: `names "${unknown}"; there are ${REQUEST_NAMES.join(', ')}, or none` });
  return new Set(known);
};

const stores = {
  EVENTSTOREDB_URL: variable.url('esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover'),
  DATABASE_URL: variable.url('postgres', 'postgresql'),
};

const variables = z
  .object({
    ...serviceVariables,
    ...stores,
    /** A registry that dies is succeeded in its consumer groups after this time. */
    KAFKA_SESSION_TIMEOUT_MS: variable.integer({ min: 1_000, max: 300_000 }).default(6_000),
    /** Given as POSTGRES_SERVERS_FILE. */
    POSTGRES_SERVERS: variable.json(fileServers).optional(),
    POSTGRES_ADMIN_HOST: hostSchema.optional(),
    POSTGRES_ADMIN_PORT: variable.port().default(5432),
    /** Connections of the one server that tenants may use in all. */
    POSTGRES_CONNECTION_BUDGET: variable.integer({ min: 1, max: 100_000 }).default(90),
    /** Commands that may be asked for on `multitenancy.requests`, separated by commas, or `none`. */
    REQUESTS_ALLOWED: z.string().default('create,configure,resize,suspend,reactivate').transform(requestNames),
    /** Passwords in force for this many days are replaced; never by themselves when left out. */
    ROTATE_AFTER_DAYS: setting(z.int().min(1).max(3_650)),
    DEFAULT_MIN_CONNECTIONS: setting(checkedSettings.min_connections),
    DEFAULT_MAX_CONNECTIONS: setting(checkedSettings.max_connections),
    DEFAULT_MAX_CPU_PERCENT: setting(checkedSettings.max_cpu_percent),
    DEFAULT_MAX_MEMORY_MB: setting(checkedSettings.max_memory_mb),
    DEFAULT_MAX_STORAGE_GB: setting(checkedSettings.max_storage_gb),
  })
  // With `when`, also while another variable is wrong: every mistake at once.
  .refine((env) => env.POSTGRES_SERVERS !== undefined || env.POSTGRES_ADMIN_HOST !== undefined, {
    when: () => true,
    path: ['POSTGRES_ADMIN_HOST'],
    message: 'is required, or POSTGRES_SERVERS_FILE: the server that tenants are placed on',
  })
  .refine(({ DEFAULT_MIN_CONNECTIONS: min = 0, DEFAULT_MAX_CONNECTIONS: max = Infinity }) => !(min > max), {
    when: () => true,
    path: ['DEFAULT_MIN_CONNECTIONS'],
    message: 'is larger than DEFAULT_MAX_CONNECTIONS',
  });

/** What the registry is told by its environment. Throws `ServiceError` `config_invalid` that lists every mistake. */
export function readConfig(env: Environment = process.env) {
  const read = loadConfig(variables, env);
  return {
    logLevel: read.LOG_LEVEL,
    http: { host: read.HTTP_HOST, port: read.HTTP_PORT },
    kafka: kafkaOf(read),
    schemaRegistryUrl: read.SCHEMA_REGISTRY_URL,
    eventStoreUrl: read.EVENTSTOREDB_URL,
    databaseUrl: read.DATABASE_URL,
    jwt: { issuer: read.JWT_ISSUER, audience: read.JWT_AUDIENCE, jwksUrl: read.JWKS_URL },
    servers: serversOf(read),
    defaults: defaultsOf(read),
    requestsAllowed: read.REQUESTS_ALLOWED,
    rotateAfterDays: read.ROTATE_AFTER_DAYS,
    crashAt: read.ULTRACORE_CRASH_AT,
    production: read.NODE_ENV === 'production',
  };
}

type Read = z.output<typeof variables>;

const kafkaOf = (read: Read) => ({
  brokers: read.KAFKA_BROKERS,
  sessionTimeoutMs: read.KAFKA_SESSION_TIMEOUT_MS,
  username: read.KAFKA_USERNAME,
  password: read.KAFKA_PASSWORD,
});

function serversOf(read: Read): PlacementServer[] {
  if (!read.POSTGRES_SERVERS) {
    const host = read.POSTGRES_ADMIN_HOST ?? '127.0.0.1';
    const { POSTGRES_ADMIN_PORT: port, POSTGRES_CONNECTION_BUDGET: connectionBudget } = read;
    return [{ name: 'default', host, port, connectionBudget, standbys: [] }];
  }
  return read.POSTGRES_SERVERS.map(({ name, host, port, connection_budget: connectionBudget, standbys }) => ({
    name,
    host,
    port,
    connectionBudget,
    standbys,
  }));
}

const defaultsOf = (read: Read): WantedSettings => ({
  min_connections: read.DEFAULT_MIN_CONNECTIONS,
  max_connections: read.DEFAULT_MAX_CONNECTIONS,
  max_cpu_percent: read.DEFAULT_MAX_CPU_PERCENT,
  max_memory_mb: read.DEFAULT_MAX_MEMORY_MB,
  max_storage_gb: read.DEFAULT_MAX_STORAGE_GB,
});

/** What a rebuild of the read model needs: it decides nothing and publishes nothing. */
export function readRebuildConfig(env: Environment = process.env) {
  const read = loadConfig(z.object({ ...stores, LOG_LEVEL: serviceVariables.LOG_LEVEL }), env);
  return { logLevel: read.LOG_LEVEL, eventStoreUrl: read.EVENTSTOREDB_URL, databaseUrl: read.DATABASE_URL };
}
