import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { superuserConnect, withConnection } from '@ultracore/tenant-database';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrapControlPlane } from '../src/index.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

let server: PrivatePostgres;
let folder: string;
beforeAll(async () => {
  server = await startPrivatePostgres();
  folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  for (const name of ['admin', 'registry', 'worker']) writeFileSync(join(folder, name), `${name}-secret\n`);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  status: number;
  output: string;
}

const bootstrap = (...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'] } }, (error, stdout, stderr) => {
      resolve({ status: Number(error?.code ?? 0), output: `${stdout}${stderr}` });
    });
  });

const passwordFiles = (): string[] =>
  ['admin', 'registry', 'worker'].flatMap((name) => [`--${name}-password-file`, join(folder, name)]);

const as = (user: string, password: string, database: string) => {
  const url = new URL(server.url());
  [url.username, url.password] = [user, password];
  return withConnection(superuserConnect(url.href), database, async (connection) => {
    await connection.query('create table if not exists mine (id int)');
    return 'created';
  });
};

describe('npm run bootstrap', () => {
  it('on a server nobody touched says what is missing, and how to go on without a password', async () => {
    const verified = await bootstrap('--url', server.url(), '--verify');
    expect(verified).toMatchObject({ status: 1 });
    expect(verified.output).toMatch(/Role ultracore_admin does not exist\. \(not_bootstrapped\)/);
    const refused = await bootstrap('--url', server.url());
    expect(refused).toMatchObject({ status: 2, output: 'ultracore_admin has no password yet: give one for it.\n' });
  });

  it('makes the server and the control plane fit with one command, and repeats without a change', async () => {
    const first = await bootstrap('--url', server.url(), '--control-plane', ...passwordFiles());
    expect(first.output).toMatch(
      /made database ultracore_shared[\s\S]*made database ultracore__worker of ultracore_worker[\s\S]*is fit/,
    );
    expect(first.status).toBe(0);
    const second = await bootstrap('--url', server.url(), '--control-plane');
    expect(second.output).not.toMatch(/made/);
    expect(second.status).toBe(0);
    expect(await bootstrap('--url', server.url(), '--control-plane', '--verify')).toEqual({
      status: 0,
      output: 'The server is fit for tenants.\n',
    });
  });

  it('gives each service a login that owns its database and may not enter the other', async () => {
    expect(await as('ultracore_registry', 'registry-secret', 'ultracore_tenants')).toBe('created');
    expect(await as('ultracore_worker', 'worker-secret', 'ultracore__worker')).toBe('created');
    await expect(as('ultracore_registry', 'registry-secret', 'ultracore__worker')).rejects.toMatchObject({ code: '42501' });
    await expect(as('ultracore_registry', 'registry-secret', 'postgres')).rejects.toMatchObject({ code: '42501' });
    await expect(as('ultracore_worker', 'worker-secret', 'ultracore_shared')).rejects.toMatchObject({ code: '42501' });
  });

  it('refuses a database of its name that somebody else owns, and leaves it as it is', async () => {
    const superuser = superuserConnect(server.url());
    const owned = (statement: string) =>
      withConnection(superuser, 'postgres', async (connection) => {
        await connection.query(statement);
        const { rows } = await connection.query<{ owner: string }>(
          `select pg_get_userbyid(datdba) as owner from pg_database where datname = 'ultracore_tenants'`,
        );
        return rows[0]?.owner;
      });
    expect(await owned('alter database ultracore_tenants owner to postgres')).toBe('postgres');
    expect(await bootstrap('--url', server.url(), '--control-plane')).toEqual({
      status: 2,
      output: expect.stringMatching(/ultracore_tenants exists and is owned by postgres, not by ultracore_registry/),
    });
    expect(await owned('select 1')).toBe('postgres');
    await owned('alter database ultracore_tenants owner to ultracore_registry');
  });

  it('finds a control plane that was opened to everybody', async () => {
    const superuser = superuserConnect(server.url());
    await withConnection(superuser, 'postgres', (connection) =>
      connection.query('grant connect on database ultracore_tenants to public'),
    );
    const found = await bootstrap('--url', server.url(), '--control-plane', '--verify');
    expect(found).toMatchObject({ status: 1 });
    expect(found.output).toMatch(/PUBLIC has CONNECT on database ultracore_tenants/);
    expect((await bootstrapControlPlane(server.url(), {})).findings).toEqual([]);
  });

  it('says in a sentence what is wrong with its arguments or its server, without a stack trace or a secret', async () => {
    const outcomes = await Promise.all([
      bootstrap(),
      bootstrap('--url', 'postgres://postgres:hidden@127.0.0.1:1/'),
      bootstrap('--url', server.url().replace('superuser', 'hidden')),
      bootstrap('--url', server.url(), '--admin-password-file', join(folder, 'nowhere')),
      bootstrap('--nonsense'),
    ]);
    for (const { status, output } of outcomes) {
      expect(status).toBe(2);
      expect(output).not.toMatch(/ at |hidden/);
    }
    expect(outcomes.map(({ output }) => output)).toEqual([
      expect.stringMatching(/POSTGRES_SUPERUSER_URL: is required/),
      expect.stringMatching(/No Postgres answers there/),
      expect.stringMatching(/refused the login/),
      expect.stringMatching(/POSTGRES_ADMIN_PASSWORD_FILE cannot be read/),
      expect.stringMatching(/--nonsense/),
    ]);
  });
});
