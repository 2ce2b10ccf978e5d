import { join } from 'node:path';
import { fetchKafka, fetchSchemaRegistry, requireJava } from './artifacts.ts';
import { startEventStore } from './backends/eventstore.ts';
import { startKafka } from './backends/kafka.ts';
import { startPostgres } from './backends/postgres.ts';
import { startSchemaRegistry } from './backends/schema-registry.ts';
import { isWanted, type Options, ROOT } from './options.ts';
import { requireFree } from './ports.ts';
import type { ManagedProcess } from './processes.ts';
import type { Secrets } from './secrets.ts';
import type { Stack } from './stack-file.ts';
import type { Part } from './supervisor.ts';
import type { Terminal } from './terminal.ts';

export type Endpoints = Pick<
  Stack,
  'postgres' | 'kafka_brokers' | 'kafka_principals' | 'schema_registry_url' | 'eventstoredb_url'
>;

/** A backend that the launcher runs itself: how to start it, and what to tell the others about it. */
export interface OwnBackend extends Part {
  endpoints: Endpoints;
  address: string;
}

/** The backends to run, none of them started; fetches what they need. */
export async function planBackends(
  options: Options,
  ports: Record<string, number>,
  secrets: Secrets,
  terminal: Terminal,
): Promise<OwnBackend[]> {
  const logDir = join(options.dataDir, 'logs');
  const { dataDir, java } = options;
  const at = (name: string) => ports[name] ?? 0;
  const plan: Promise<OwnBackend>[] = [];
  const wanted = (name: string, external: unknown) => external === undefined && isWanted(options, name);

  const needsJava = wanted('kafka', options.external.kafka) || wanted('schema-registry', options.external.schemaRegistryUrl);
  if (needsJava) await requireJava(java);

  if (wanted('kafka', options.external.kafka)) {
    const start = async (): Promise<OwnBackend> => {
      const jars = await fetchKafka(options.jarsDir, terminal);
      const settings = {
        java,
        jars,
        dataDir,
        logDir,
        port: at('kafka'),
        controllerPort: at('kafka_controller'),
        passwords: secrets.kafka_passwords,
      };
      return {
        name: 'kafka',
        graceMs: 20_000,
        address: `127.0.0.1:${at('kafka')}`,
        endpoints: { kafka_brokers: [`127.0.0.1:${at('kafka')}`], kafka_principals: principalsOf(secrets) },
        start: async (signal) => {
          await guard('kafka', at('kafka'));
          await guard('kafka_controller', at('kafka_controller'));
          return startKafka({ ...settings, signal });
        },
      };
    };
    plan.push(start());
  }
  if (wanted('schema-registry', options.external.schemaRegistryUrl)) {
    const start = async (): Promise<OwnBackend> => {
      const folder = await fetchSchemaRegistry(options.jarsDir, terminal);
      return {
        name: 'schema-registry',
        graceMs: 10_000,
        address: `http://127.0.0.1:${at('schema_registry')}`,
        endpoints: { schema_registry_url: `http://127.0.0.1:${at('schema_registry')}/apis/ccompat/v7` },
        start: (signal) =>
          guarded('schema_registry', at('schema_registry'), () =>
            startSchemaRegistry({ java, folder, dataDir, logDir, port: at('schema_registry'), signal }),
          ),
      };
    };
    plan.push(start());
  }
  if (wanted('postgres', options.external.postgresUrl)) {
    const password = secrets.postgres_superuser_password;
    plan.push(
      Promise.resolve({
        name: 'postgres',
        graceMs: 20_000,
        address: `127.0.0.1:${at('postgres')}`,
        endpoints: { postgres: { host: '127.0.0.1', port: at('postgres'), user: 'postgres', password } },
        start: (signal) =>
          guarded('postgres', at('postgres'), () => startPostgres({ dataDir, logDir, port: at('postgres'), password, signal })),
      }),
    );
  }
  if (wanted('eventstore', options.external.eventstoredbUrl)) {
    plan.push(
      Promise.resolve({
        name: 'eventstore',
        graceMs: 10_000,
        address: `esdb://127.0.0.1:${at('eventstore')}?tls=false`,
        endpoints: { eventstoredb_url: `esdb://127.0.0.1:${at('eventstore')}?tls=false` },
        start: (signal) =>
          guarded('eventstore', at('eventstore'), () =>
            startEventStore({ root: ROOT, dataDir, logDir, port: at('eventstore'), signal }),
          ),
      }),
    );
  }
  return Promise.all(plan);
}

/** What the environment names instead of our own backends. */
export function externalEndpoints(options: Options, secrets: Secrets): Endpoints {
  const { postgresUrl, kafka, schemaRegistryUrl, eventstoredbUrl } = options.external;
  return {
    ...(postgresUrl === undefined ? {} : { postgres: loginOf(postgresUrl) }),
    ...(kafka === undefined
      ? {}
      : {
          kafka_brokers: kafka.brokers,
          kafka_principals: { ...principalsOf(secrets), admin: { username: kafka.username, password: kafka.password } },
        }),
    ...(schemaRegistryUrl === undefined ? {} : { schema_registry_url: schemaRegistryUrl }),
    ...(eventstoredbUrl === undefined ? {} : { eventstoredb_url: eventstoredbUrl }),
  };
}

function principalsOf(secrets: Secrets): NonNullable<Stack['kafka_principals']> {
  return Object.fromEntries(
    Object.entries(secrets.kafka_passwords).map(([username, password]) => [username, { username, password }]),
  );
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

async function guarded(part: string, port: number, start: () => Promise<{ process: ManagedProcess }>): Promise<ManagedProcess> {
  await guard(part, port);
  return (await start()).process;
}

function guard(part: string, port: number): Promise<void> {
  const variable = `ULTRACORE_${part.toUpperCase()}_PORT`;
  return requireFree(port, part.replaceAll('_', ' '), `choose another port with ${variable}`);
}
