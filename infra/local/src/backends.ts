import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchKafka, fetchSchemaRegistry, kafkaFolder, requireJava, requireMaven, schemaRegistryFolder } from './artifacts.ts';
import { removeComposed, startComposed } from './backends/docker.ts';
import { startEventStore } from './backends/eventstore.ts';
import { startKafka } from './backends/kafka.ts';
import { startPostgres } from './backends/postgres.ts';
import { startSchemaRegistry } from './backends/schema-registry.ts';
import { LauncherError } from './errors.ts';
import type { Endpoints } from './external.ts';
import { isInstalled } from './program.ts';
import { isWanted, type Options, ROOT } from './options.ts';
import type { StartContext } from './processes.ts';
import type { Secrets } from './secrets.ts';
import type { Part } from './supervisor.ts';
import type { Terminal } from './terminal.ts';

/** A backend that the launcher runs itself: how to start it, and what to tell the others about it. */
export interface OwnBackend extends Part {
  endpoints: Endpoints;
  address: string;
  /** Fetches what it needs; done once, before its first start. */
  prepare(): Promise<void>;
  /** Names of the ports that it listens on. */
  ports: readonly string[];
}

/** The backends that this launcher runs itself, none of them started: those wanted and not replaced by the environment. */
export function planBackends(
  options: Options,
  ports: Readonly<Record<string, number>>,
  secrets: Secrets,
  terminal: Terminal,
): OwnBackend[] {
  const { dataDir, java, external } = options;
  const logDir = join(dataDir, 'logs');
  const at = (name: string) => ports[name] ?? 0;
  const jvm = lazily(() => chooseRuntime(options));
  const composed = (name: 'kafka' | 'schema-registry', context: StartContext) =>
    startComposed(name, { root: ROOT, dataDir, logDir, ports, kafkaPasswords: secrets.kafka_passwords }, context);
  const inDocker = async () => (await jvm()) === 'docker';
  const cleared = lazily(() => (options.fresh ? removeComposed(ROOT, dataDir) : Promise.resolve()));

  const kafka: OwnBackend = {
    name: 'kafka',
    graceMs: 20_000,
    ports: ['kafka', 'kafka_controller'],
    address: `127.0.0.1:${at('kafka')}`,
    endpoints: {
      kafka_brokers: [`127.0.0.1:${at('kafka')}`],
      kafka_principals: Object.fromEntries(
        Object.entries(secrets.kafka_passwords).map(([username, password]) => [username, { username, password }]),
      ),
    },
    async prepare() {
      if (await inDocker()) await cleared();
      else await fetchKafka(options.jarsDir, terminal);
    },
    async start(context) {
      if (await inDocker()) return composed('kafka', context);
      const settings = {
        java,
        jars: kafkaFolder(options.jarsDir),
        dataDir,
        logDir,
        port: at('kafka'),
        controllerPort: at('kafka_controller'),
      };
      return startKafka({ ...settings, passwords: secrets.kafka_passwords }, context);
    },
  };
  const schemaRegistry: OwnBackend = {
    name: 'schema-registry',
    graceMs: 10_000,
    ports: ['schema_registry'],
    address: `http://127.0.0.1:${at('schema_registry')}`,
    endpoints: { schema_registry_url: `http://127.0.0.1:${at('schema_registry')}/apis/ccompat/v7` },
    async prepare() {
      if (await inDocker()) await cleared();
      else await fetchSchemaRegistry(options.jarsDir, terminal);
    },
    async start(context) {
      if (await inDocker()) return composed('schema-registry', context);
      const folder = schemaRegistryFolder(options.jarsDir);
      return startSchemaRegistry({ java, folder, dataDir, logDir, port: at('schema_registry') }, context);
    },
  };
  const password = secrets.postgres_superuser_password;
  const postgres: OwnBackend = {
    name: 'postgres',
    graceMs: 20_000,
    ports: ['postgres'],
    address: `127.0.0.1:${at('postgres')}`,
    endpoints: { postgres: { host: '127.0.0.1', port: at('postgres'), user: 'postgres', password } },
    prepare: () => Promise.resolve(),
    start: (context) => startPostgres({ dataDir, logDir, port: at('postgres'), password }, context),
  };
  const eventstoreUrl = `esdb://127.0.0.1:${at('eventstore')}?tls=false`;
  const eventstore: OwnBackend = {
    name: 'eventstore',
    graceMs: 10_000,
    ports: ['eventstore'],
    address: eventstoreUrl,
    endpoints: { eventstoredb_url: eventstoreUrl },
    prepare: () => Promise.resolve(),
    start: (context) => startEventStore({ root: ROOT, dataDir, logDir, port: at('eventstore') }, context),
  };
  const replaced = new Map<OwnBackend, unknown>([
    [kafka, external.kafka],
    [schemaRegistry, external.schemaRegistryUrl],
    [postgres, external.postgresUrl],
    [eventstore, external.eventstoredbUrl],
  ]);
  return [...replaced].flatMap(([backend, by]) => (by === undefined && isWanted(options, backend.name) ? [backend] : []));
}

/** Java and Maven (only where something is still to be fetched), else Docker; throws what is missing with its remedy. */
async function chooseRuntime(options: Options): Promise<'jvm' | 'docker'> {
  try {
    await requireJava(options.java);
    if (![kafkaFolder(options.jarsDir), schemaRegistryFolder(options.jarsDir)].every(existsSync)) await requireMaven();
    return 'jvm';
  } catch (error) {
    if (error instanceof LauncherError && (await isInstalled('docker', ['compose', 'version']))) return 'docker';
    throw error;
  }
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
