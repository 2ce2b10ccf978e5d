import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../src/config.ts';

const WITHOUT_SERVERS = {
  HTTP_PORT: '18102',
  KAFKA_BROKERS: 'localhost:9092',
  SCHEMA_REGISTRY_URL: 'http://localhost:8081',
  JWT_ISSUER: 'issuer',
  JWT_AUDIENCE: 'audience',
  JWKS_URL: 'http://localhost/jwks.json',
  DATABASE_URL: 'postgres://ultracore_worker@localhost/ultracore__worker',
  ULTRACORE_MASTER_PASSWORD: 'master',
  TENANT_MIGRATIONS_DIR: '/migrations',
};
const ONE_SERVER = { POSTGRES_ADMIN_HOST: 'pg.example', POSTGRES_ADMIN_PASSWORD: 'admin secret' };

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

describe('the servers that the worker may administer', () => {
  it('are the one of POSTGRES_ADMIN_*, without a file', () => {
    expect(readConfig({ ...WITHOUT_SERVERS, ...ONE_SERVER }).servers).toEqual([
      { name: 'default', host: 'pg.example', port: 5432, user: 'ultracore_admin', password: 'admin secret' },
    ]);
  });

  it('are those of the file, each with the password in the file that it names', () => {
    const folder = folderWith({ 'one.secret': 'first\n', 'two.secret': 'second' });
    const server = (name: string, port: number) => ({
      name,
      host: 'db.example',
      port,
      connection_budget: 100,
      admin_password_file: join(folder, `${name}.secret`),
    });
    writeFileSync(
      join(folder, 'servers.json'),
      JSON.stringify([server('one', 5432), { ...server('two', 5433), admin_user: 'boss' }]),
    );
    const { servers } = readConfig({ ...WITHOUT_SERVERS, POSTGRES_SERVERS_FILE: join(folder, 'servers.json') });
    expect(servers).toEqual([
      { name: 'one', host: 'db.example', port: 5432, user: 'ultracore_admin', password: 'first' },
      { name: 'two', host: 'db.example', port: 5433, user: 'boss', password: 'second' },
    ]);
  });

  it.each([
    ['is not JSON', 'nonsense {'],
    ['port', JSON.stringify([{ name: 'one', host: 'h', port: 0, connection_budget: 1, admin_password_file: 'x' }])],
    [
      'Unrecognized key',
      JSON.stringify([{ name: 'one', host: 'h', port: 1, connection_budget: 1, admin_password_file: 'x', admin_pasword: 'x' }]),
    ],
    [
      'cannot be read (ENOENT)',
      JSON.stringify([{ name: 'one', host: 'h', port: 1, connection_budget: 1, admin_password_file: '/no/such/file' }]),
    ],
  ])('a bad file is refused with what is wrong with it: %s', (fault, content) => {
    const file = join(folderWith({ 'servers.json': content }), 'servers.json');
    expect(() => readConfig({ ...WITHOUT_SERVERS, POSTGRES_SERVERS_FILE: file })).toThrow(fault);
  });
});

it('reports every mistake at once and repeats no value', () => {
  const env = {
    ...WITHOUT_SERVERS,
    KAFKA_BROKERS: '',
    ULTRACORE_MASTER_PASSWORD: '',
    ULTRACORE_MASTER_ROUNDS: '99',
    POSTGRES_ADMIN_PASSWORD: 'topsecret',
  };
  const faults = ['KAFKA_BROKERS', 'ULTRACORE_MASTER_PASSWORD', 'ULTRACORE_MASTER_ROUNDS', 'POSTGRES_ADMIN_HOST'];
  for (const name of faults) expect(() => readConfig(env)).toThrow(name);
  expect(() => readConfig(env)).not.toThrow('topsecret');
});

it('reports the mistakes of the servers’ file with all others, and asks for no single server beside it', () => {
  const file = join(folderWith({ 'servers.json': 'nonsense {' }), 'servers.json');
  const env = { ...WITHOUT_SERVERS, KAFKA_BROKERS: '', POSTGRES_SERVERS_FILE: file };
  for (const fault of ['KAFKA_BROKERS', `POSTGRES_SERVERS_FILE: ${file} is not JSON`])
    expect(() => readConfig(env)).toThrow(fault);
  expect(() => readConfig(env)).not.toThrow('POSTGRES_ADMIN');
});

it('reads secrets from files', () => {
  const folder = folderWith({ master: 'from a file\n' });
  const { ULTRACORE_MASTER_PASSWORD: _, ...rest } = WITHOUT_SERVERS;
  const config = readConfig({ ...rest, ...ONE_SERVER, ULTRACORE_MASTER_PASSWORD_FILE: join(folder, 'master') });
  expect(config.ULTRACORE_MASTER_PASSWORD).toBe('from a file');
});
