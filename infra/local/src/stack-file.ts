import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { explainFileError, LauncherError } from './errors.ts';

const loginSchema = z.object({ user: z.string(), password: z.string() });

/**
 * What tools and tests need to know about a running stack, kept in `<data-dir>/stack.json` with mode 0600, because it holds
 * every local secret. A part that was not started is absent.
 */
const stackSchema = z.object({
  data_dir: z.string(),
  launcher_pid: z.number().int(),
  started_at: z.string(),
  ready_ms: z.number(),
  edge_url: z.string().optional(),
  tokens: z.object({ operator: z.string(), auditor: z.string(), creator: z.string() }).optional(),
  jwt: z.object({ issuer: z.string(), audience: z.string(), jwks_url: z.string() }).optional(),
  /** The superuser's login. */
  postgres: loginSchema.extend({ host: z.string(), port: z.number().int() }).optional(),
  postgres_admin: loginSchema.optional(),
  /** `host:port` each. */
  kafka_brokers: z.array(z.string()).optional(),
  kafka_principals: z.record(z.string(), z.object({ username: z.string(), password: z.string() })).optional(),
  schema_registry_url: z.string().optional(),
  eventstoredb_url: z.string().optional(),
  master_password: z.string(),
  /** How the key that opens tenants' credentials is made from the master password. */
  master_key: z.object({ key_id: z.string(), salt: z.string().optional(), rounds: z.number().int().optional() }),
  /** The master password before the present one, where it was changed. */
  previous_master: z.object({ key_id: z.string(), password: z.string() }).optional(),
  service_urls: z.record(z.string(), z.string()),
  pids: z.record(z.string(), z.number().int()),
  log_files: z.record(z.string(), z.string()),
});

export type Stack = z.infer<typeof stackSchema>;

export function stackFile(dataDir: string): string {
  return join(dataDir, 'stack.json');
}

/** Replaces the file as a whole, so that a reader never sees half of it. */
export function writeStack(stack: Stack): void {
  const file = stackFile(stack.data_dir);
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw explainFileError(error, stack.data_dir);
  }
}

export function removeStack(dataDir: string): void {
  rmSync(stackFile(dataDir), { force: true });
}

/** Reads the stack of a data directory, or of the file itself; throws `not_running` when there is none. */
export function readStack(path: string): Stack {
  const file = path.endsWith('.json') ? path : stackFile(path);
  if (!existsSync(file)) {
    throw new LauncherError('not_running', `No running stack: ${file} does not exist. Start one with \`npm start\`.`);
  }
  try {
    return stackSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new LauncherError(
      'stack_file_unusable',
      `${file} cannot be used: stop the stack and start it again with \`npm start\`.`,
      {
        cause: error,
      },
    );
  }
}
