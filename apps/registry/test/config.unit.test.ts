import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig, readRebuildConfig } from '../src/config.ts';

const env = {
  HTTP_PORT: '8080',
  KAFKA_BROKERS: 'a:9092, b:9092',
  KAFKA_USERNAME: 'registry',
  KAFKA_PASSWORD: 'secret',
  SCHEMA_REGISTRY_URL: 'http://registry/apis/ccompat/v7',
  JWT_ISSUER: 'issuer',
  JWT_AUDIENCE: 'ultracore',
  JWKS_URL: 'http://issuer/jwks',
  EVENTSTOREDB_URL: 'esdb://127.0.0.1:2113?tls=false',
  DATABASE_URL: 'postgres://registry@db/ultracore_tenants',
  POSTGRES_ADMIN_HOST: 'pg-1',
};

const fileOf = (text: string): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'registry-')), 'servers.json');
  writeFileSync(file, text);
  return file;
};

describe('readConfig', () => {
  test('places tenants on the one server, or on those of the file', () => {
    const one = { name: 'default', host: 'pg-1', port: 5432, connectionBudget: 90, standbys: [] };
    expect(readConfig(env).servers).toEqual([one]);
    expect(readConfig({ ...env, POSTGRES_CONNECTION_BUDGET: '400' }).servers).toEqual([{ ...one, connectionBudget: 400 }]);
    expect(() => readConfig({ ...env, POSTGRES_CONNECTION_BUDGET: '0' })).toThrow('POSTGRES_CONNECTION_BUDGET');
    const servers = [
      {
        name: 'one',
        host: 'pg-1',
        port: 5432,
        connection_budget: 200,
        standbys: [{ host: 'pg-1b', port: 5432 }],
        admin_user: 'x',
      },
      { name: 'two', host: 'pg-2', port: 5433, connection_budget: 400 },
    ];
    expect(readConfig({ ...env, POSTGRES_SERVERS_FILE: fileOf(JSON.stringify(servers)) }).servers).toEqual([
      { name: 'one', host: 'pg-1', port: 5432, connectionBudget: 200, standbys: [{ host: 'pg-1b', port: 5432 }] },
      { name: 'two', host: 'pg-2', port: 5433, connectionBudget: 400, standbys: [] },
    ]);
  });

  test('takes from Kafka what is named, and knows what can be', () => {
    const allowed = (text: string) => [...readConfig({ ...env, REQUESTS_ALLOWED: text }).requestsAllowed];
    expect([...readConfig(env).requestsAllowed]).toEqual(['create', 'configure', 'resize', 'suspend', 'reactivate']);
    expect(allowed('rotate, create')).toEqual(['create', 'rotate']);
    expect(allowed('none')).toEqual([]);
    expect(() => allowed('create,purge')).toThrow(/REQUESTS_ALLOWED.*names "purge"/s);
  });

  test('rotates passwords by age only when an age is given', () => {
    expect(readConfig(env).rotateAfterDays).toBeUndefined();
    expect(readConfig({ ...env, ROTATE_AFTER_DAYS: '90' }).rotateAfterDays).toBe(90);
    for (const wrong of ['0', '1.5', 'often']) {
      expect(() => readConfig({ ...env, ROTATE_AFTER_DAYS: wrong })).toThrow('ROTATE_AFTER_DAYS');
    }
  });

  test('reads the defaults of the deployment', () => {
    const { defaults } = readConfig({ ...env, DEFAULT_MAX_CONNECTIONS: '30', DEFAULT_MAX_CPU_PERCENT: '72.5' });
    expect(defaults).toMatchObject({ max_connections: 30, max_cpu_percent: 72.5, min_connections: undefined });
  });

  test('names every mistake at once, and no secret', () => {
    const broken = {
      ...env,
      HTTP_PORT: 'x',
      POSTGRES_ADMIN_HOST: '',
      DEFAULT_MIN_CONNECTIONS: '-1',
      DEFAULT_MAX_STORAGE_GB: 'much',
      EVENTSTOREDB_URL: 'http://127.0.0.1',
    };
    const message = (() => {
      try {
        readConfig(broken);
        return '';
      } catch (error) {
        return String(error);
      }
    })();
    const wrong = ['HTTP_PORT', 'POSTGRES_ADMIN_HOST', 'DEFAULT_MIN_CONNECTIONS', 'DEFAULT_MAX_STORAGE_GB', 'EVENTSTOREDB_URL'];
    for (const name of wrong) expect(message).toContain(name);
    expect(message).not.toContain('secret');
    expect(() => readConfig({ ...env, POSTGRES_ADMIN_HOST: '' })).toThrow('POSTGRES_ADMIN_HOST');
    expect(() => readConfig({ ...env, DEFAULT_MIN_CONNECTIONS: '9', DEFAULT_MAX_CONNECTIONS: '8' })).toThrow(
      'DEFAULT_MIN_CONNECTIONS',
    );
  });

  test('says what is wrong with the defaults together with everything else', () => {
    const broken = { HTTP_PORT: 'x', DEFAULT_MIN_CONNECTIONS: '9', DEFAULT_MAX_CONNECTIONS: '8' };
    expect(() => readConfig(broken)).toThrow(/HTTP_PORT[^]+POSTGRES_ADMIN_HOST[^]+is larger than DEFAULT_MAX_CONNECTIONS/);
  });

  test('refuses a host that no event could carry', () => {
    expect(() => readConfig({ ...env, POSTGRES_ADMIN_HOST: 'pg-1 ' })).toThrow('POSTGRES_ADMIN_HOST');
  });

  test('refuses a list of servers that is none', () => {
    const servers = (text: string) => () => readConfig({ ...env, POSTGRES_SERVERS_FILE: fileOf(text) });
    const one = { name: 'one', host: 'pg-1', port: 5432, connection_budget: 200 };
    expect(servers('{')).toThrow('POSTGRES_SERVERS');
    expect(() => readConfig({ ...env, POSTGRES_ADMIN_HOST: '', POSTGRES_SERVERS_FILE: fileOf('[]') })).not.toThrow('ADMIN_HOST');
    expect(servers(JSON.stringify([{ ...one, host: 'pg 1' }]))).toThrow('POSTGRES_SERVERS');
    expect(servers('[]')).toThrow('POSTGRES_SERVERS');
    expect(servers(JSON.stringify([one, one]))).toThrow('same name');
    expect(servers(JSON.stringify([{ ...one, connection_budget: 0 }]))).toThrow('POSTGRES_SERVERS');
  });
});

test('a rebuild asks only for what it uses', () => {
  const { EVENTSTOREDB_URL, DATABASE_URL } = env;
  expect(readRebuildConfig({ EVENTSTOREDB_URL, DATABASE_URL })).toMatchObject({ logLevel: 'info', databaseUrl: DATABASE_URL });
});
