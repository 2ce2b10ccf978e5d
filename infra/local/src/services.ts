import { MIGRATIONS_DIRECTORY } from '@ultracore/tenant-schema';
import type { BackendName } from './backends/backend.ts';
import type { Secrets } from './secrets.ts';
import type { Stack } from './stack-file.ts';

export interface ServiceContext {
  stack: Stack;
  secrets: Secrets;
  port: number;
  jwksUrl: string;
}

/** A service of the platform as the launcher runs it: `node apps/<name>/src/main.ts` with this environment. */
export interface ServiceSpec {
  readonly name: string;
  readonly needs: readonly BackendName[];
  /** What it reads beside the variables that every service has. */
  env(context: ServiceContext): Record<string, string>;
}

export const JWT_ISSUER = 'ultracore-local';
export const JWT_AUDIENCE = 'ultracore';

/** Handed on from the launcher's own environment to every service, where set. */
const HANDED_ON =
  /^(KAFKA_SESSION_TIMEOUT_MS|LOG_LEVEL|NODE_COMPILE_CACHE|NODE_ENV|NODE_OPTIONS|PATH|TZ|DEFAULT_[A-Z_]+|GATEWAY_[A-Z_]+|TENANT_MIGRATIONS_DIR|POSTGRES_(SERVERS_FILE|CONNECTION_BUDGET)|WORKER_[A-Z_]+|ULTRACORE_MASTER_(SALT|ROUNDS))$/;

/** In the order in which they are started; a new service adds its line here and its prefixes in routes.ts. */
export const SERVICES: readonly ServiceSpec[] = [
  {
    name: 'registry',
    needs: ['kafka', 'postgres', 'schema-registry', 'eventstore'],
    env: (context) => ({
      EVENTSTOREDB_URL: context.stack.eventstoredb_url ?? '',
      DATABASE_URL: databaseUrl(context, 'ultracore_tenants', 'ultracore_registry'),
      POSTGRES_ADMIN_HOST: context.stack.postgres?.host ?? '',
      POSTGRES_ADMIN_PORT: String(context.stack.postgres?.port ?? ''),
    }),
  },
  {
    name: 'provisioning-worker',
    needs: ['kafka', 'postgres', 'schema-registry'],
    env: (context) => ({
      DATABASE_URL: databaseUrl(context, 'ultracore__worker', 'ultracore_worker'),
      POSTGRES_ADMIN_HOST: context.stack.postgres?.host ?? '',
      POSTGRES_ADMIN_PORT: String(context.stack.postgres?.port ?? ''),
      POSTGRES_ADMIN_USER: context.stack.postgres_admin?.user ?? '',
      POSTGRES_ADMIN_PASSWORD: context.stack.postgres_admin?.password ?? '',
      ...masterEnvironment(context),
      TENANT_MIGRATIONS_DIR: MIGRATIONS_DIRECTORY,
    }),
  },
  {
    name: 'pool-gateway',
    needs: ['kafka', 'postgres', 'schema-registry'],
    env: masterEnvironment,
  },
];

/** The whole environment of a service. */
export function serviceEnvironment(
  service: ServiceSpec,
  context: ServiceContext,
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const login = context.stack.kafka_principals?.[service.name];
  return {
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(context.port),
    KAFKA_BROKERS: context.stack.kafka_brokers?.join(','),
    KAFKA_USERNAME: login?.username,
    KAFKA_PASSWORD: login?.password,
    SCHEMA_REGISTRY_URL: context.stack.schema_registry_url,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWKS_URL: context.jwksUrl,
    ...service.env(context),
    ...Object.fromEntries(Object.entries(inherited).filter(([name]) => HANDED_ON.test(name))),
  };
}

/** The master password, and the one before while there is one. */
function masterEnvironment({ stack }: ServiceContext): Record<string, string> {
  const { master_password: password, master_key: key, previous_master: previous } = stack;
  return {
    ULTRACORE_MASTER_PASSWORD: password,
    ULTRACORE_MASTER_KEY_ID: key.key_id,
    ...(previous === undefined
      ? {}
      : { ULTRACORE_MASTER_PASSWORD_PREVIOUS: previous.password, ULTRACORE_MASTER_KEY_ID_PREVIOUS: previous.key_id }),
  };
}

function databaseUrl({ stack, secrets }: ServiceContext, database: string, role: string): string {
  const password = encodeURIComponent(secrets.postgres_role_passwords[role] ?? '');
  return `postgres://${role}:${password}@${stack.postgres?.host}:${stack.postgres?.port}/${database}`;
}
