import { readFileSync } from 'node:fs';
import { loadConfig, serviceVariables, variable, type Environment } from '@ultracore/service';
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

const variables = z.object({
  ...serviceVariables,
  DATABASE_URL: variable.url('postgres', 'postgresql'),
  POSTGRES_SERVERS_FILE: z.string().optional(),
  POSTGRES_ADMIN_HOST: z.string().optional(),
  POSTGRES_ADMIN_PORT: variable.port().optional(),
  POSTGRES_ADMIN_USER: z.string().default('ultracore_admin'),
  POSTGRES_ADMIN_PASSWORD: z.string().optional(),
  ULTRACORE_MASTER_PASSWORD: z.string(),
  ULTRACORE_MASTER_SALT: z.string().optional(),
  ULTRACORE_MASTER_KEY_ID: z.string().default('k1'),
  ULTRACORE_MASTER_ROUNDS: variable.integer({ min: 100_000, max: 100_000_000 }).default(600_000),
  TENANT_MIGRATIONS_DIR: z.string(),
  /** Tenants worked on at once, for each Postgres server. */
  WORKER_CONCURRENCY: variable.integer({ min: 1, max: 64 }).default(8),
  RECONCILE_EVERY_SECONDS: variable.integer({ min: 1, max: 86_400 }).default(60),
  /** Logins tested in one reconciliation pass, those not tested for longest first. */
  RECONCILE_LOGIN_TESTS: variable.integer({ min: 0, max: 10_000 }).default(50),
});

export interface AdminServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export type Config = z.output<typeof variables> & { readonly servers: readonly AdminServer[] };

/** The whole configuration, with every mistake reported at once. Throws `config_invalid`. */
export function readConfig(env: Environment = process.env): Config {
  return loadConfig(variables.transform(withServers), env);
}

type Variables = z.output<typeof variables>;

function withServers(values: Variables, context: z.RefinementCtx): Variables & { servers: readonly AdminServer[] } {
  return {
    ...values,
    servers: values.POSTGRES_SERVERS_FILE ? serversOfFile(values.POSTGRES_SERVERS_FILE, context) : single(values, context),
  };
}

function single(values: Variables, context: z.RefinementCtx): readonly AdminServer[] {
  const {
    POSTGRES_ADMIN_HOST: host,
    POSTGRES_ADMIN_PORT: port = 5432,
    POSTGRES_ADMIN_USER: user,
    POSTGRES_ADMIN_PASSWORD: password,
  } = values;
  if (host === undefined) fault(context, 'POSTGRES_ADMIN_HOST', 'is required unless POSTGRES_SERVERS_FILE is set');
  if (password === undefined) fault(context, 'POSTGRES_ADMIN_PASSWORD', 'is required unless POSTGRES_SERVERS_FILE is set');
  return host === undefined || password === undefined ? [] : [{ name: 'default', host, port, user, password }];
}

function serversOfFile(file: string, context: z.RefinementCtx): readonly AdminServer[] {
  const parsed = z.array(serverSchema).min(1).safeParse(readJson(file, context));
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      fault(context, 'POSTGRES_SERVERS_FILE', `${file}: ${path.map(String).join('.') || 'the file'}: ${message}`);
    }
    return [];
  }
  const names = new Set(parsed.data.flatMap(({ name, host, port }) => [name, `${host}:${port}`]));
  if (names.size !== parsed.data.length * 2)
    fault(context, 'POSTGRES_SERVERS_FILE', `${file}: two servers have one name or one address`);
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
    fault(context, 'POSTGRES_SERVERS_FILE', `${file} is not JSON`);
    return [];
  }
}

function readText(file: string, context: z.RefinementCtx): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    fault(context, 'POSTGRES_SERVERS_FILE', `${file} cannot be read (${reason})`);
    return '';
  }
}

function fault(context: z.RefinementCtx, variableName: string, message: string): void {
  context.addIssue({ code: 'custom', path: [variableName], message });
}
