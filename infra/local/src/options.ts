import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BACKENDS } from './backends/backend.ts';
import { LauncherError, systemCode } from './errors.ts';
import { SERVICES } from './services.ts';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Every part that `--only` may name, in the order in which they are started. */
export const PARTS: readonly string[] = [...BACKENDS, ...SERVICES.map((service) => service.name)];

/** Ports of the loopback address. They are kept per data directory: a tenant's row names the port of its Postgres. */
export const DEFAULT_PORTS = {
  edge: 8080,
  postgres: 54320,
  kafka: 19092,
  kafka_controller: 19093,
  schema_registry: 18081,
  eventstore: 2113,
  ...Object.fromEntries(SERVICES.map((service, index) => [service.name, 18101 + index])),
} as const satisfies Record<string, number>;

export interface Options {
  dataDir: string;
  /** Parts to run; undefined = all. */
  only: ReadonlySet<string> | undefined;
  fresh: boolean;
  backendsOnly: boolean;
  /** Ports that the system has free instead of the fixed ones, kept for the data directory's later runs. */
  freePorts: boolean;
  /** Ports that the caller asked for by name. */
  ports: Readonly<Record<string, number>>;
  /** Stop when standard input closes: a parent that is killed takes its stack with it. */
  withParent: boolean;
  help: boolean;
  jarsDir: string;
  java: string;
  external: {
    postgresUrl: string | undefined;
    kafka:
      | {
          brokers: string[];
          username: string;
          password: string;
          /** Logins of services that do not use the admin's. */
          principals: Record<string, { username: string; password: string }>;
        }
      | undefined;
    schemaRegistryUrl: string | undefined;
    eventstoredbUrl: string | undefined;
  };
}

export const HELP = `npm start -- [options]

  --only <a,b>        run only these parts: ${[...BACKENDS].join(', ')},
                      ${SERVICES.map((service) => service.name).join(', ')}
  --backends-only     Kafka, Postgres, schema registry and event store, empty
  --data-dir <dir>    where data, logs and secrets are kept (default .local)
  --fresh             delete the data directory's data first
  --port <n>          port of the edge (default ${DEFAULT_PORTS.edge})
  --free-ports        take ports that are free instead of the fixed ones
  --help              this text

Environment: POSTGRES_URL (a superuser's), KAFKA_BROKERS with KAFKA_ADMIN_USERNAME and KAFKA_ADMIN_PASSWORD,
SCHEMA_REGISTRY_URL, EVENTSTOREDB_URL replace a backend by your own. ULTRACORE_<PART>_PORT sets a port,
ULTRACORE_JARS_DIR the folder of fetched jars, JAVA_HOME the Java.
`;

/** Where a tool finds the stack: as asked, else as the environment says, else `.local` in the checkout. */
export function dataDirOf(asked: string | undefined, env: Environment): string {
  return resolve(ROOT, asked ?? (env['ULTRACORE_DATA_DIR'] || '.local'));
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the launcher's command line and environment; throws `bad_option` with every mistake in one sentence each. */
export function parseOptions(argv: readonly string[], env: Environment): Options {
  const mistakes: string[] = [];
  const swallowed = ['data_dir', 'fresh', 'port', 'free_ports', 'backends_only'].filter(
    (name) => env[`npm_config_${name}`] !== undefined,
  );
  if (swallowed.length > 0) {
    mistakes.push(
      `npm kept ${swallowed.map((name) => `--${name.replaceAll('_', '-')}`).join(', ')} for itself: write the options after \`--\`, as in \`npm start -- --fresh\`.`,
    );
  }
  const values = parseFlags(argv, mistakes);
  const only =
    values.only === undefined
      ? undefined
      : new Set(
          values.only
            .split(',')
            .map((name) => name.trim())
            .filter(Boolean),
        );
  const unknown = [...(only ?? [])].filter((name) => !PARTS.includes(name));
  if (unknown.length > 0) mistakes.push(`--only knows no ${unknown.join(', ')}; it knows ${PARTS.join(', ')}.`);
  const ports = readPorts(values.port, env, mistakes);
  const kafka = readKafka(env, mistakes);
  const url = (name: string, ...protocols: string[]) => readUrl(name, env[name], protocols, mistakes);
  const postgresUrl = url('POSTGRES_URL', 'postgres:', 'postgresql:');
  const schemaRegistryUrl = url('SCHEMA_REGISTRY_URL', 'http:', 'https:')?.replace(/\/$/, '');
  const eventstoredbUrl = url('EVENTSTOREDB_URL', 'esdb:', 'esdb+discover:', 'kurrentdb:', 'kurrentdb+discover:');
  if (mistakes.length > 0) throw new LauncherError('bad_option', mistakes.join('\n  '));
  return {
    dataDir: dataDirOf(values['data-dir'], env),
    only,
    fresh: values.fresh,
    backendsOnly: values['backends-only'],
    freePorts: values['free-ports'],
    ports,
    withParent: values['with-parent'],
    help: values.help,
    jarsDir: resolve(ROOT, env['ULTRACORE_JARS_DIR']?.replace(/^~(?=\/)/, homedir()) ?? '.tools/jars'),
    java: env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : 'java',
    external: { postgresUrl, kafka, schemaRegistryUrl, eventstoredbUrl },
  };
}

/** True when the part is wanted by `--only` and `--backends-only`. */
export function isWanted(options: Pick<Options, 'only' | 'backendsOnly'>, part: string): boolean {
  if (options.backendsOnly && !(BACKENDS as readonly string[]).includes(part)) return false;
  return options.only === undefined || options.only.has(part);
}

function parseFlags(argv: readonly string[], mistakes: string[]) {
  const flags = {
    only: { type: 'string' },
    'data-dir': { type: 'string' },
    port: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    'backends-only': { type: 'boolean', default: false },
    'free-ports': { type: 'boolean', default: false },
    'with-parent': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof Error) || !systemCode(error)?.startsWith('ERR_PARSE_ARGS')) throw error;
    mistakes.push(`${error.message.split('. To specify')[0]}. \`npm start -- --help\` lists the options.`);
    return {
      only: undefined,
      'data-dir': undefined,
      port: undefined,
      fresh: false,
      'backends-only': false,
      'free-ports': false,
      'with-parent': false,
      help: false,
    };
  }
}

function readPorts(edge: string | undefined, env: Environment, mistakes: string[]): Record<string, number> {
  const ports: Record<string, number> = {};
  const add = (name: string, source: string, text: string | undefined) => {
    if (text === undefined || text === '') return;
    const port = Number(text);
    if (Number.isInteger(port) && port > 0 && port < 65_536) ports[name] = port;
    else mistakes.push(`${source} must be a port from 1 to 65535, not ${JSON.stringify(text)}.`);
  };
  for (const name of Object.keys(DEFAULT_PORTS)) {
    const variable = `ULTRACORE_${name.toUpperCase().replaceAll('-', '_')}_PORT`;
    add(name, variable, env[variable]);
  }
  add('edge', '--port', edge);
  return ports;
}

/** The variable's value; unset and empty are the same. */
function readUrl(name: string, value: string | undefined, protocols: readonly string[], mistakes: string[]): string | undefined {
  if (value === undefined || value === '') return undefined;
  // A cluster's connection string may list several hosts, which a URL may not.
  const protocol = /^([a-z+]+:)\/\/[^/]+/.exec(value)?.[1];
  if (protocol !== undefined && protocols.includes(protocol)) return value;
  mistakes.push(`${name} is not a URL that begins with ${protocols.map((each) => `${each}//`).join(' or ')}.`);
  return undefined;
}

function readKafka(env: Environment, mistakes: string[]): Options['external']['kafka'] {
  const brokers = (env['KAFKA_BROKERS'] ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter(Boolean);
  if (brokers.length === 0) return undefined;
  const username = env['KAFKA_ADMIN_USERNAME'] ?? '';
  const password = env['KAFKA_ADMIN_PASSWORD'] ?? '';
  if (username === '' || password === '') {
    mistakes.push(
      'KAFKA_BROKERS needs KAFKA_ADMIN_USERNAME and KAFKA_ADMIN_PASSWORD beside it: a super user, which makes topics and ACLs.',
    );
  }
  const principals = SERVICES.flatMap(({ name }) => {
    const prefix = `KAFKA_${name.toUpperCase().replaceAll('-', '_')}`;
    const own = { username: env[`${prefix}_USERNAME`] ?? '', password: env[`${prefix}_PASSWORD`] ?? '' };
    return own.username === '' ? [] : [[name, own] as const];
  });
  return { brokers, username, password, principals: Object.fromEntries(principals) };
}
