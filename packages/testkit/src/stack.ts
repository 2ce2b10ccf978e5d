import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { TestkitError } from './errors.ts';

export interface KafkaLogin {
  username: string;
  password: string;
}

/** The backends that tests run against: real servers, whoever started them. */
export interface TestStack {
  /** The superuser's login. */
  readonly postgres: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
  /** The superuser's URL of a database, `postgres` unless named. */
  postgresUrl(database?: string): string;
  /** `brokers` as `host:port`; `principals` by name, of which `admin` is the super user. */
  readonly kafka: { readonly brokers: string[]; readonly principals: Readonly<Record<string, KafkaLogin>> };
  /** Base of the Confluent-compatible API. */
  readonly schemaRegistryUrl: string;
  /** Connection string of the event store. */
  readonly eventstoreUrl: string;
  /** Process ids of the backends by name; empty when they run elsewhere. */
  readonly pids: Readonly<Record<string, number>>;
  readonly file: string;
}

/** The variable with the path of the stack's file; the global setup sets it when it has started the backends. */
export const STACK_VARIABLE = 'ULTRACORE_TEST_STACK';

let current: TestStack | undefined;

/** The backends of this test run. Throws `no_stack` outside of a vitest project with the testkit's global setup. */
export function testStack(): TestStack {
  if (current !== undefined) return current;
  const file = process.env[STACK_VARIABLE];
  if (file === undefined || file === '') {
    throw new TestkitError(
      'no_stack',
      `${STACK_VARIABLE} is not set: add packages/testkit/src/global-setup.ts to the project's globalSetup.`,
    );
  }
  current = readTestStack(file);
  return current;
}

/** Reads a `stack.json`. A backend that it does not name throws `backend_missing` where a test first asks for it. */
export function readTestStack(file: string): TestStack {
  const raw = parse(file);
  const part = <K extends keyof StackJson>(key: K): NonNullable<StackJson[K]> => {
    const value = raw[key];
    if (value === undefined) {
      throw new TestkitError('backend_missing', `The test stack ${file} has no ${key}: start it with that backend.`);
    }
    return value;
  };
  return {
    file,
    get postgres() {
      return part('postgres');
    },
    postgresUrl(database = 'postgres') {
      const { host, port, user, password } = part('postgres');
      return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(database)}`;
    },
    get kafka() {
      return { brokers: part('kafka_brokers'), principals: part('kafka_principals') };
    },
    get schemaRegistryUrl() {
      return part('schema_registry_url');
    },
    get eventstoreUrl() {
      return part('eventstoredb_url');
    },
    get pids() {
      // Read anew each time: a backend that was killed and started again has another pid.
      return parse(file).pids ?? {};
    },
  };
}

const stackJsonSchema = z.object({
  postgres: z.object({ host: z.string(), port: z.number(), user: z.string(), password: z.string() }).optional(),
  kafka_brokers: z.array(z.string()).optional(),
  kafka_principals: z.record(z.string(), z.object({ username: z.string(), password: z.string() })).optional(),
  schema_registry_url: z.string().optional(),
  eventstoredb_url: z.string().optional(),
  pids: z.record(z.string(), z.number()).optional(),
});

/** The part of the launcher's `stack.json` that tests need. */
export type StackJson = z.infer<typeof stackJsonSchema>;

function parse(file: string): StackJson {
  try {
    return stackJsonSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new TestkitError('no_stack', `The test stack ${file} cannot be read: is it still running?`, { cause: error });
  }
}
