import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const env = {
  HTTP_PORT: '8080',
  KAFKA_BROKERS: 'a:9092',
  SCHEMA_REGISTRY_URL: 'http://registry/apis/ccompat/v7',
  JWT_ISSUER: 'issuer',
  JWT_AUDIENCE: 'ultracore',
  JWKS_URL: 'http://issuer/jwks',
  ULTRACORE_MASTER_PASSWORD: 'the-master',
};

const fileOf = (value: unknown): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'gateway-')), 'servers.json');
  writeFileSync(file, JSON.stringify(value));
  return file;
};

const messageOf = (wrong: Record<string, string>): string => {
  try {
    readConfig(wrong);
  } catch (error) {
    return String(error);
  }
  return 'accepted';
};

describe('readConfig', () => {
  test('takes of each server’s budget one gateway’s share, with one gateway more than there are', () => {
    const file = fileOf([
      {
        name: 'one',
        host: 'pg-1',
        port: 5432,
        connection_budget: 200,
        standbys: [{ host: 'pg-1b', port: 5433 }],
        admin_password_file: 'x',
      },
      { name: 'two', host: 'pg-2', port: 5432, connection_budget: 2 },
    ]);
    const { serverBudget } = readConfig({
      ...env,
      POSTGRES_SERVERS_FILE: file,
      GATEWAY_MAX_INSTANCES: '3',
      GATEWAY_CONNECTION_BUDGET: '28',
    });
    expect([
      serverBudget('pg-1', 5432),
      serverBudget('pg-1b', 5433),
      serverBudget('pg-2', 5432),
      serverBudget('else', 1),
    ]).toEqual([50, 50, 1, 7]);
    expect(readConfig(env).serverBudget('the-only-one', 5432)).toBe(45);
  });

  test('uses a socket only for a server on this host', () => {
    const { socketDirectory } = readConfig({ ...env, GATEWAY_POSTGRES_SOCKET_DIRECTORY: '/run/postgresql' });
    expect([socketDirectory('127.0.0.1'), socketDirectory('localhost'), socketDirectory('pg-1')]).toEqual([
      '/run/postgresql',
      '/run/postgresql',
      undefined,
    ]);
    expect(readConfig(env).socketDirectory('localhost')).toBeUndefined();
  });

  test('opens credentials with the master password, and with the one before it while that is named', () => {
    expect(readConfig(env).master).toMatchObject({ masterPassword: 'the-master', keyId: 'k1', retired: [] });
    const both = readConfig({
      ...env,
      ULTRACORE_MASTER_KEY_ID: 'k2',
      ULTRACORE_MASTER_PASSWORD_PREVIOUS: 'old',
      ULTRACORE_MASTER_KEY_ID_PREVIOUS: 'k1',
    });
    expect(both.master).toMatchObject({ keyId: 'k2', retired: [{ masterPassword: 'old', keyId: 'k1' }] });
  });

  test('names every mistake at once, and no secret', () => {
    const wrong = {
      ...env,
      ULTRACORE_MASTER_PASSWORD_PREVIOUS: 'the-old-master',
      GATEWAY_INSTANCE: 'Gateway 1',
      GATEWAY_MAX_BODY_BYTES: 'much',
      GATEWAY_STATEMENT_TIMEOUT_MS: '5000',
      GATEWAY_STATEMENT_TIMEOUT_MAX_MS: '1000',
      GATEWAY_POSTGRES_SOCKET_DIRECTORY: 'run',
    };
    const message = messageOf(wrong);
    const named = [...message.matchAll(/^ {2}- (\w+): /gm)].map(([, name = '']) => name);
    expect(named.sort()).toEqual([
      'GATEWAY_INSTANCE',
      'GATEWAY_MAX_BODY_BYTES',
      'GATEWAY_POSTGRES_SOCKET_DIRECTORY',
      'GATEWAY_STATEMENT_TIMEOUT_MS',
      'ULTRACORE_MASTER_KEY_ID_PREVIOUS',
    ]);
    expect(message).not.toMatch(/the-old-master|Gateway 1/);
  });
});
