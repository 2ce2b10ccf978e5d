import { readFileSync } from 'node:fs';
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

const serverSchema = z.strictObject({
  name: z.string().min(1),
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  connection_budget: z.int().min(1),
  standbys: z.array(z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65_535) })).default([]),
  admin_user: z.string().min(1).default('ultracore_admin'),
  admin_password_file: z.string().min(1),
});

const fields = z.object({
  ...serviceVariables,
  /** A worker that dies is succeeded in its consumer group after this time. */
  KAFKA_SESSION_TIMEOUT_MS: variable.integer({ min: 1_000, max: 300_000 }).default(6_000),
  DATABASE_URL: variable.url('postgres', 'postgresql'),
  POSTGRES_SERVERS_FILE: z.string().transform(serversOfFile).optional(),
  POSTGRES_ADMIN_HOST: z.string().optional(),
  POSTGRES_ADMIN_PORT: variable.port().optional(),
  POSTGRES_ADMIN_USER: z.string().default('ultracore_admin'),
  POSTGRES_ADMIN_PASSWORD: z.string().optional(),
  ...masterKeyVariables,
  /** Credentials of a retired key that are sealed with the present one in a second, at most. */
  RESEALS_PER_SECOND: variable.integer({ min: 1, max: 1000 }).default(50),
  TENANT_MIGRATIONS_DIR: z.string(),
  /** Of one statement of a migration in a home that is in use. */
  MIGRATION_LOCK_TIMEOUT_SECONDS: variable.integer({ min: 1, max: 50 }).default(5),
  MIGRATION_STATEMENT_TIMEOUT_SECONDS: variable.integer({ min: 1, max: 3600 }).default(30),
  /** Tenants worked on at once, for each Postgres server. */
  WORKER_CONCURRENCY: variable.integer({ min: 1, max: 64 }).default(8),
  /** Of those, migrations that rollouts ask for; two fewer than there are when left out. */
  WORKER_MIGRATIONS: variable.integer({ min: 1, max: 64 }).optional(),
  /** Homes kept ready on each Postgres server, so that a creation need only take one. */
  WORKER_STOCK_ENTERPRISE: variable.integer({ min: 0, max: 1000 }).default(0),
  WORKER_STOCK_STANDARD: variable.integer({ min: 0, max: 1000 }).default(0),
  RECONCILE_EVERY_SECONDS: variable.integer({ min: 1, max: 86_400 }).default(60),
  /** Each home is compared with what its version should look like so often, a number of them at most in one pass on a server; 0: none. */
  WORKER_DRIFT_EVERY_SECONDS: variable.integer({ min: 1, max: 2_592_000 }).default(3600),
  WORKER_DRIFT_CHECKS: variable.integer({ min: 0, max: 100_000 }).default(200),
  /** Logins tested in one reconciliation pass, those not tested for longest first. */
  RECONCILE_LOGIN_TESTS: variable.integer({ min: 0, max: 10_000 }).default(50),
});

const UNLESS_FILE = 'is required unless POSTGRES_SERVERS_FILE is set';

// With `when`, also while another variable is wrong: every mistake at once.
const variables = fields
  .refine(...masterKeyRules.previous)
  .refine(...masterKeyRules.next)
  .refine(({ POSTGRES_SERVERS_FILE: file, POSTGRES_ADMIN_HOST: host }) => file !== undefined || host !== undefined, {
    when: () => true,
    path: ['POSTGRES_ADMIN_HOST'],
    message: UNLESS_FILE,
  })
  .refine(({ POSTGRES_SERVERS_FILE: file, POSTGRES_ADMIN_PASSWORD: password }) => file !== undefined || password !== undefined, {
    when: () => true,
    path: ['POSTGRES_ADMIN_PASSWORD'],
    message: UNLESS_FILE,
  });

export interface AdminServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export type Config = z.output<typeof variables> & {
  readonly servers: readonly AdminServer[];
  readonly master: ReturnType<typeof masterKeysOf>;
};

/** The whole configuration, with every mistake reported at once. Throws `config_invalid`. */
export function readConfig(env: Environment = process.env): Config {
  const read = loadConfig(variables, env);
  return { ...read, servers: read.POSTGRES_SERVERS_FILE ?? single(read), master: masterKeysOf(read) };
}

function single(read: z.output<typeof variables>): readonly AdminServer[] {
  const { POSTGRES_ADMIN_HOST: host = '', POSTGRES_ADMIN_PORT: port = 5432, POSTGRES_ADMIN_PASSWORD: password = '' } = read;
  return [{ name: 'default', host, port, user: read.POSTGRES_ADMIN_USER, password }];
}

function serversOfFile(file: string, context: z.RefinementCtx): readonly AdminServer[] {
  const parsed = z.array(serverSchema).min(1).safeParse(readJson(file, context));
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      fault(context, `${file}: ${path.map(String).join('.') || 'the file'}: ${message}`);
    }
    return [];
  }
  const names = new Set(parsed.data.flatMap(({ name, host, port }) => [name, `${host}:${port}`]));
  if (names.size !== parsed.data.length * 2) fault(context, `${file}: two servers have one name or one address`);
  return parsed.data.map(({ name, host, port, admin_user: user, admin_password_file: secret }) => ({
    name,
    host,
    port,
    user,
    password: readText(secret, context),
  }));
}

function readJson(file: string, context: z.RefinementCtx): unknown {
  const text = readText(file, context);
  try {
    return text === '' ? [] : JSON.parse(text);
  } catch {
    fault(context, `${file} is not JSON`);
    return [];
  }
}

function readText(file: string, context: z.RefinementCtx): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    fault(context, `${file} cannot be read (${reason})`);
    return '';
  }
}

function fault(context: z.RefinementCtx, message: string): void {
  context.addIssue({ code: 'custom', message });
}
