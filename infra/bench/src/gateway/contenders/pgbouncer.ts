import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, serverAccount } from '@ultracore/local';
import { SHARED_DATABASE } from '@ultracore/tenant-database';
import { atExit } from '../../frame/at-exit.ts';
import { startChild, untilChildReady } from '../../frame/child.ts';
import type { BenchTenant } from '../homes.ts';
import type { BenchServer } from '../server.ts';
import { CLIENT_NAME } from '../load/wire-channel.ts';
import type { Contender } from './contender.ts';
import type { PgBouncerProgram } from './find-pgbouncer.ts';

export interface Tuning {
  /** Server connections of one login at most. */
  poolSize: number;
  /** Bytes that are read at once. */
  packetBuffer: number;
}

const TUNING: Tuning = { poolSize: 8, packetBuffer: 4096 };
/** Of the shared database's logins together: with those of ten enterprise tenants' databases 300. */
const SHARED_CONNECTIONS = 220;

/** Prepared statements in transaction pooling came with 1.21. */
const knowsPrepared = ({ version }: PgBouncerProgram): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || minor >= 21;
};

/**
 * PgBouncer in transaction pooling before the bench's Postgres, by its unix socket, with the tenants' logins: SCRAM on both sides, from
 * the same verifiers that Postgres has.
 */
export async function startPgBouncer(
  program: PgBouncerProgram,
  server: BenchServer,
  tenants: readonly BenchTenant[],
  tuning: Tuning = TUNING,
): Promise<Contender> {
  // It does not run as root, and the user that it runs as may not reach the checkout.
  const account = serverAccount();
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-pgbouncer-'));
  const own = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    if (account !== undefined) chownSync(file, account.uid, account.gid);
    return file;
  };
  chmodSync(folder, 0o755);
  const port = await freePort();
  const prepared = knowsPrepared(program);
  const users = tenants.map(({ names, verifiers }) => `"${names.role}" "${verifiers.readWrite}"`);
  const userFile = own('users.txt', `${users.join('\n')}\n`);
  const config = own('pgbouncer.ini', toIni(server, tenants, { port, userFile, prepared, ...tuning }));
  const runnable = account === undefined || program.libraryPath === undefined ? program.path : join(folder, 'pgbouncer');
  if (runnable !== program.path) copyFileSync(program.path, runnable);
  const child = await startChild({
    name: 'pgbouncer',
    command: runnable,
    args: ['-q', config],
    env: { LD_LIBRARY_PATH: program.libraryPath },
    logFile: join(folder, 'pgbouncer.log'),
    cwd: '/',
    account,
  });
  const forget = atExit(() => rmSync(folder, { recursive: true, force: true }));
  const stop = async (): Promise<void> => {
    await child[Symbol.asyncDispose]();
    forget();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilChildReady(child, 'PgBouncer', () => listens(port), 10_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'pgbouncer',
    pid: child.pid,
    // What its clients call themselves; nothing before the first of them.
    owns: (applicationName) => applicationName === CLIENT_NAME || applicationName === '',
    target: { protocol: 'postgres', host: '127.0.0.1', port, prepared },
    description: `PgBouncer ${program.version}, transaction pooling, ${tuning.poolSize} server connections a login at most, ${
      prepared
        ? 'named prepared statements'
        : 'statements parsed anew each time: this version knows no prepared ones in transaction pooling'
    }`,
    [Symbol.asyncDispose]: stop,
  };
}

function toIni(
  server: BenchServer,
  tenants: readonly BenchTenant[],
  { port, userFile, prepared, poolSize, packetBuffer }: Tuning & { port: number; userFile: string; prepared: boolean },
): string {
  const databases = new Set([SHARED_DATABASE, ...tenants.map(({ names }) => names.database)]);
  return [
    '[databases]',
    ...[...databases].map(
      (name) =>
        `${name} = host=${server.socketDirectory} port=${server.port} dbname=${name}${
          name === SHARED_DATABASE ? ` max_db_connections=${SHARED_CONNECTIONS}` : ''
        }`,
    ),
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'pool_mode = transaction',
    'auth_type = scram-sha-256',
    `auth_file = ${userFile}`,
    'max_client_conn = 20000',
    `default_pool_size = ${poolSize}`,
    'min_pool_size = 0',
    'reserve_pool_size = 0',
    'server_idle_timeout = 600',
    'server_lifetime = 3600',
    'ignore_startup_parameters = extra_float_digits',
    `pkt_buf = ${packetBuffer}`,
    'tcp_keepalive = 0',
    'log_connections = 0',
    'log_disconnections = 0',
    'log_stats = 0',
    ...(prepared ? ['max_prepared_statements = 200'] : []),
    '',
  ].join('\n');
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
