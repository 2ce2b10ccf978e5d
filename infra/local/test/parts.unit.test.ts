import { describe, expect, test } from 'vitest';
import { sampleData } from '../src/demo/sample-data.ts';
import { ROUTES } from '../src/routes.ts';
import type { Secrets } from '../src/secrets.ts';
import { serviceEnvironment, SERVICES } from '../src/services.ts';
import type { Stack } from '../src/stack-file.ts';
import { pauseBefore } from '../src/supervisor.ts';
import { table } from '../src/table.ts';
import { duration } from '../src/terminal.ts';

describe('the table of routes', () => {
  test('no prefix lies below another, so that each path has one app', () => {
    for (const { prefix } of ROUTES) {
      expect(ROUTES.filter((other) => `${prefix}/`.startsWith(`${other.prefix}/`)).map((other) => other.prefix)).toEqual([
        prefix,
      ]);
    }
  });

  test('every prefix is a path without a slash at its end', () => {
    for (const { prefix } of ROUTES) expect(prefix).toMatch(/^(\/[a-z0-9-]+)+$/);
  });
});

describe('the environment of a service', () => {
  const stack: Stack = {
    data_dir: '/data',
    launcher_pid: 1,
    started_at: '2026-01-01T00:00:00Z',
    ready_ms: 0,
    master_password: 'the-master',
    master_key: { key_id: 'k1' },
    postgres: { host: '127.0.0.1', port: 54320, user: 'postgres', password: 'of-the-superuser' },
    postgres_admin: { user: 'ultracore_admin', password: 'of-the-admin' },
    kafka_brokers: ['127.0.0.1:1', '127.0.0.1:2'],
    kafka_principals: { registry: { username: 'registry', password: 'of-the-registry' } },
    schema_registry_url: 'http://127.0.0.1:3/apis/ccompat/v7',
    eventstoredb_url: 'esdb://127.0.0.1:4?tls=false',
    service_urls: {},
    pids: {},
    log_files: {},
  };
  const secrets: Secrets = {
    master_password: 'the-master',
    master_key_id: 'k1',
    postgres_superuser_password: 'of-the-superuser',
    postgres_role_passwords: { ultracore_registry: 'p/w', ultracore_worker: 'w' },
    kafka_passwords: {},
    jwt_private_jwk: {},
  };
  const environmentOf = (name: string, inherited: Record<string, string> = {}) => {
    const service = SERVICES.find((each) => each.name === name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return serviceEnvironment(service, { stack, secrets, port: 5, jwksUrl: 'http://127.0.0.1:6/jwks' }, inherited);
  };

  test('each logs in to Kafka as itself and to its own database', () => {
    expect(environmentOf('registry')).toMatchObject({
      HTTP_PORT: '5',
      KAFKA_BROKERS: '127.0.0.1:1,127.0.0.1:2',
      KAFKA_USERNAME: 'registry',
      KAFKA_PASSWORD: 'of-the-registry',
      DATABASE_URL: 'postgres://ultracore_registry:p%2Fw@127.0.0.1:54320/ultracore_tenants',
    });
  });

  test('only who opens credentials is given the master password, only the worker the rights of the admin, and nobody those of the superuser', () => {
    const values = (name: string) => Object.values(environmentOf(name)).join(' ');
    expect(values('provisioning-worker')).toContain('the-master');
    expect(values('provisioning-worker')).toContain('of-the-admin');
    for (const { name } of SERVICES) expect(values(name)).not.toContain('of-the-superuser');
    const having = (secret: string) => SERVICES.map(({ name }) => name).filter((name) => values(name).includes(secret));
    expect(having('of-the-admin')).toEqual(['provisioning-worker']);
    expect(having('the-master')).toEqual(['provisioning-worker', 'pool-gateway']);
    // Also when it is given to the launcher.
    expect(environmentOf('registry', { ULTRACORE_MASTER_PASSWORD: 'the-master' })).not.toHaveProperty(
      'ULTRACORE_MASTER_PASSWORD',
    );
  });

  test('defaults of the deployment are handed on; nothing else of the shell is', () => {
    const environment = environmentOf('registry', { DEFAULT_MAX_CONNECTIONS: '7', AWS_SECRET: 'x', KAFKA_PASSWORD: 'y' });
    expect(environment).toMatchObject({ DEFAULT_MAX_CONNECTIONS: '7', KAFKA_PASSWORD: 'of-the-registry' });
    expect(environment).not.toHaveProperty('AWS_SECRET');
  });
});

test('the pause before a restart doubles and stays below half a minute', () => {
  expect([0, 1, 2, 3].map(pauseBefore)).toEqual([500, 1000, 2000, 4000]);
  expect(pauseBefore(50)).toBe(30_000);
});

describe('what the terminal shows', () => {
  test('a table is aligned, numbers to the right, also with letters of more than one code point', () => {
    expect(
      table(
        ['name', 'rows'],
        [
          ['Zoë', '7'],
          ['a', '120'],
        ],
      ),
    ).toEqual(['name  rows', '────  ────', 'Zoë      7', 'a      120']);
  });

  test('a duration is given in the unit a person would use', () => {
    expect([12, 999, 1_500, 61_000, 185_000].map(duration)).toEqual(['12 ms', '999 ms', '1.5 s', '61.0 s', '3 min 05 s']);
  });
});

describe('the sample data', () => {
  const size = { clients: 3, trades: 4 };

  test('is the same for the same firm and another one for another', () => {
    expect(sampleData('a-firm', size)).toEqual(sampleData('a-firm', size));
    expect(sampleData('a-firm', size)).not.toEqual(sampleData('b-firm', size));
  });

  test('never names a tenant: the home does', () => {
    for (const { rows } of sampleData('a-firm', size)) for (const row of rows) expect(row).not.toHaveProperty('tenant_id');
  });

  test('every row of a table has the same columns', () => {
    for (const { rows } of sampleData('a-firm', size)) {
      expect(new Set(rows.map((row) => Object.keys(row).join())).size).toBe(1);
    }
  });
});
