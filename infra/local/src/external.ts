import { answers as eventstoreAnswers } from './backends/eventstore.ts';
import { answers as kafkaAnswers } from './backends/kafka.ts';
import { answers as postgresAnswers } from './backends/postgres.ts';
import { answers as registryAnswers } from './backends/schema-registry.ts';
import { LauncherError } from './errors.ts';
import type { Options } from './options.ts';
import type { Secrets } from './secrets.ts';
import type { Stack } from './stack-file.ts';

export type Endpoints = Pick<
  Stack,
  'postgres' | 'kafka_brokers' | 'kafka_principals' | 'schema_registry_url' | 'eventstoredb_url'
>;

/** What the environment names instead of our own backends. */
export function externalEndpoints({ external }: Pick<Options, 'external'>, secrets: Secrets): Endpoints {
  const { postgresUrl, kafka, schemaRegistryUrl, eventstoredbUrl } = external;
  const login = kafka && { username: kafka.username, password: kafka.password };
  return {
    ...(postgresUrl === undefined ? {} : { postgres: loginOf(postgresUrl) }),
    ...(kafka === undefined || login === undefined
      ? {}
      : {
          kafka_brokers: kafka.brokers,
          kafka_principals: Object.fromEntries(
            Object.keys(secrets.kafka_passwords).map((name) => [name, kafka.principals[name] ?? login]),
          ),
        }),
    ...(schemaRegistryUrl === undefined ? {} : { schema_registry_url: schemaRegistryUrl }),
    ...(eventstoredbUrl === undefined ? {} : { eventstoredb_url: eventstoredbUrl }),
  };
}

/** Throws `backend_unreachable` naming the variable at fault, before anything is started against a server that is not there. */
export async function requireExternal(endpoints: Endpoints): Promise<void> {
  const checks: [string, string, Promise<boolean>][] = [];
  const { postgres, kafka_brokers: brokers, schema_registry_url: registry, eventstoredb_url: eventstore } = endpoints;
  if (postgres !== undefined) {
    checks.push(['POSTGRES_URL', `no Postgres at ${postgres.host}:${postgres.port} takes this login`, postgresAnswers(postgres)]);
  }
  if (brokers !== undefined) {
    const answering = brokers.map(hostAndPort).map(({ host, port }) => kafkaAnswers(host, port, 5_000));
    checks.push(['KAFKA_BROKERS', `no Kafka broker answers at ${brokers.join(', ')}`, anyOf(answering)]);
  }
  if (registry !== undefined) {
    checks.push([
      'SCHEMA_REGISTRY_URL',
      `no Confluent-compatible API answers at ${registry}/subjects`,
      registryAnswers(registry).catch(() => false),
    ]);
  }
  if (eventstore !== undefined) {
    const nodes = eventstore.replace(/^[a-z+]+:\/\/([^@/]*@)?/, '').split(/[/?]/)[0] ?? '';
    const answering = nodes
      .split(',')
      .map(hostAndPort)
      .map(({ host, port }) => eventstoreAnswers(host, port || 2113, tls(eventstore)));
    checks.push(['EVENTSTOREDB_URL', `no event store answers at ${nodes}`, anyOf(answering)]);
  }
  for (const [variable, fault, check] of checks) {
    if (await check) continue;
    throw new LauncherError(
      'backend_unreachable',
      `${variable} is set, but ${fault}: correct it, or unset it for an embedded one.`,
    );
  }
}

function tls(connectionString: string): boolean {
  return !/[?&]tls=false/i.test(connectionString);
}

async function anyOf(checks: Promise<boolean>[]): Promise<boolean> {
  return (await Promise.all(checks)).some(Boolean);
}

function hostAndPort(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return at < 0 ? { host: address, port: 0 } : { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

function loginOf(url: string): NonNullable<Stack['postgres']> {
  const { hostname, port, username, password } = new URL(url);
  return {
    host: hostname,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username || 'postgres'),
    password: decodeURIComponent(password),
  };
}
