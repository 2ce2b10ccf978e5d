import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TestkitError } from './errors.ts';
import { STACK_VARIABLE, type StackJson } from './stack.ts';

export { STACK_VARIABLE };

export const MODES = ['embedded', 'testcontainers', 'external'] as const;
export type Mode = (typeof MODES)[number];

/** Backends that are up, with topics, rights and schemas, whoever runs them: a file with their addresses, and how to end them. */
export interface Backends {
  readonly stackFile: string;
  /** Ends them; `keep` leaves their data and logs for a look. */
  stop(keep: boolean): Promise<void>;
}

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const LOCAL = join(ROOT, '.local');
const BACKENDS = 'kafka,postgres,schema-registry,eventstore';

/** Brings the backends up in one of the three ways; rejects with `backends_failed` and the reason. */
export async function startBackends(mode: Mode): Promise<Backends> {
  if (mode === 'embedded') return startEmbedded();
  if (mode === 'external') return useExternal();
  mode satisfies 'testcontainers';
  // Loaded only here: it brings a whole Docker client.
  const { startContainers } = await import('./testcontainers.ts');
  const { stack, stop } = await startContainers();
  return writeStackFile(stack, stop);
}

/** The launcher as a child process. It ends by itself when we do, however we end, because its standard input closes. */
async function startEmbedded(): Promise<Backends> {
  removeAbandoned();
  const dataDir = join(LOCAL, `test-${process.pid}`);
  const launcher = join(ROOT, 'infra/local/src/start.ts');
  const child = spawn(process.execPath, [launcher, '--only', BACKENDS, '--free-ports', '--with-parent', '--data-dir', dataDir], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let exitCode: number | null | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      output += error.message;
      exitCode = 1;
      done();
    });
    child.once('exit', (code) => {
      exitCode = code;
      done();
    });
  });
  const stackFile = join(dataDir, 'stack.json');
  while (!existsSync(stackFile)) {
    if (exitCode !== undefined) throw new TestkitError('backends_failed', `The backends did not start:\n${output.trim()}`);
    await sleep(50);
  }
  return {
    stackFile,
    async stop(keep) {
      child.stdin.end();
      await exited;
      if (!keep) rmSync(dataDir, { recursive: true, force: true });
      else process.stderr.write(`kept the backends' data and logs in ${dataDir}\n`);
    },
  };
}

/** Data directories of runs that are over: their name holds the pid of the run. */
function removeAbandoned(): void {
  if (!existsSync(LOCAL)) return;
  for (const entry of readdirSync(LOCAL)) {
    const pid = /^test-(\d+)$/.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(LOCAL, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** One's own servers, named in the environment as for the launcher. */
function useExternal(): Promise<Backends> {
  const need = (name: string) => {
    const value = process.env[name];
    if (value === undefined || value === '') throw new TestkitError('backends_failed', `The external mode needs ${name}.`);
    return value;
  };
  const postgres = new URL(need('POSTGRES_URL'));
  const stack: StackJson = {
    postgres: {
      host: postgres.hostname,
      port: Number(postgres.port || 5432),
      user: decodeURIComponent(postgres.username),
      password: decodeURIComponent(postgres.password),
    },
    kafka_brokers: need('KAFKA_BROKERS').split(','),
    kafka_principals: { admin: { username: need('KAFKA_ADMIN_USERNAME'), password: need('KAFKA_ADMIN_PASSWORD') } },
    schema_registry_url: need('SCHEMA_REGISTRY_URL'),
    eventstoredb_url: need('EVENTSTOREDB_URL'),
  };
  return writeStackFile(stack, async () => {});
}

async function writeStackFile(stack: StackJson, stop: () => Promise<void>): Promise<Backends> {
  await setUpTopics(stack);
  const folder = join(LOCAL, `test-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const stackFile = join(folder, 'stack.json');
  writeFileSync(stackFile, JSON.stringify(stack, null, 2), { mode: 0o600 });
  return {
    stackFile,
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Topics, rights and schemas, by the program that makes them everywhere; the launcher does it by itself. */
async function setUpTopics(stack: StackJson): Promise<void> {
  const admin = stack.kafka_principals?.['admin'];
  const env = {
    ...process.env,
    KAFKA_BROKERS: stack.kafka_brokers?.join(','),
    KAFKA_ADMIN_USERNAME: admin?.username,
    KAFKA_ADMIN_PASSWORD: admin?.password,
    SCHEMA_REGISTRY_URL: stack.schema_registry_url,
  };
  await promisify(execFile)(process.execPath, [join(ROOT, 'infra/kafka/src/main.ts')], { cwd: ROOT, env });
}
