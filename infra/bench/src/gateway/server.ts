import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePassword } from '@ultracore/credentials';
import { freePort, startPostgres } from '@ultracore/local';
import {
  APP_SCHEMA,
  bootstrapServer,
  type Connect,
  loadMigrations,
  type Migration,
  runMigrations,
  SHARED_DATABASE,
  superuserConnect,
  withConnection,
} from '@ultracore/tenant-database';
import { MIGRATIONS_DIRECTORY } from '@ultracore/tenant-schema';
import { Client } from 'pg';
import { atExit, signalQuietly } from '../frame/at-exit.ts';

/** A Postgres of the bench's own, fit for tenants, that also listens on a unix socket. */
export interface BenchServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly socketDirectory: string;
  /** Of the postmaster; the backends are its children. */
  readonly pid: number;
  readonly migrations: readonly Migration[];
  /** As `ultracore_admin`, who makes homes. */
  readonly admin: Connect;
  readonly superuser: Connect;
}

/** Connections of all contenders together, each of which keeps its own between its turns. */
const MAX_CONNECTIONS = 1500;

export async function startServer(directory: string): Promise<BenchServer> {
  rmSync(join(directory, 'postgres'), { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Not in the data directory: the path of a socket may have 107 bytes at most.
  const socketDirectory = mkdtempSync(join(tmpdir(), 'ultracore-bench-'));
  chmodSync(socketDirectory, 0o777);
  const password = randomUUID();
  const port = await freePort();
  const settings = [`unix_socket_directories=${socketDirectory}`, `max_connections=${MAX_CONNECTIONS}`, 'shared_buffers=512MB'];
  const postgres = await startPostgres(
    { dataDir: directory, logDir: directory, port, password, settings },
    { signal: new AbortController().signal, onSpawn: () => {} },
  );
  const forget = atExit(() => {
    signalQuietly(postgres.pid, 'SIGINT');
    rmSync(socketDirectory, { recursive: true, force: true });
  });
  const stop = async (): Promise<void> => {
    await postgres.stop(30_000);
    forget();
    rmSync(socketDirectory, { recursive: true, force: true });
  };
  try {
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    const adminPassword = generatePassword();
    await bootstrapServer(url, { adminPassword });
    const admin: Connect = async (database) => {
      const client = new Client({ host: '127.0.0.1', port, user: 'ultracore_admin', password: adminPassword, database });
      client.on('error', () => {});
      await client.connect();
      return client;
    };
    const migrations = await loadMigrations(MIGRATIONS_DIRECTORY);
    await withConnection(admin, SHARED_DATABASE, (shared) =>
      runMigrations(shared, { schema: APP_SCHEMA, migrations, shared: true }),
    );
    return {
      host: '127.0.0.1',
      port,
      socketDirectory,
      pid: postgres.pid,
      migrations,
      admin,
      superuser: superuserConnect(url),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
