import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const common = {
  HTTP_PORT: '18200',
  KAFKA_BROKERS: '127.0.0.1:9092',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8081',
  JWT_ISSUER: 'issuer',
  JWT_AUDIENCE: 'audience',
  JWKS_URL: 'http://127.0.0.1:8080/jwks',
};
const gateway = {
  GATEWAY_URL: 'http://127.0.0.1:8080',
  TOKEN_URL: 'http://127.0.0.1:1/token',
  CLIENT_ID: 'id',
  CLIENT_SECRET: 'secret',
};
const logins = {
  acme: {
    url: 'postgres://uc_acme:p%40ss@db.example:6432/ultracore_shared',
    readonly_url: 'postgres://uc_acme__ro:other@db.example:6432/ultracore_shared',
  },
};

test('without logins of its own, the service goes through the gateway', () => {
  expect(readConfig({ ...common, ...gateway }).database).toEqual({
    kind: 'gateway',
    url: gateway.GATEWAY_URL,
    tokens: { url: gateway.TOKEN_URL, clientId: 'id', clientSecret: 'secret' },
  });
});

test('with logins it connects by itself, each tenant under its own two', async () => {
  const { database } = readConfig({ ...common, TENANT_LOGINS: JSON.stringify(logins) });
  const [acme] = database.kind === 'pool' ? database.tenants : [];
  expect(acme).toMatchObject({ tenantId: 'acme', database: 'ultracore_shared', primary: { host: 'db.example', port: 6432 } });
  expect([acme?.readwrite.user, acme?.readonly.user]).toEqual(['uc_acme', 'uc_acme__ro']);
  expect(await acme?.readwrite.passwords[0]?.()).toBe('p@ss');
});

test('says everything that is missing at once, and repeats no login', () => {
  expect(() => readConfig(common)).toThrow(/GATEWAY_URL[^]*TOKEN_URL[^]*CLIENT_ID[^]*CLIENT_SECRET/);
  const broken = JSON.stringify({ acme: { url: 'mysql://u:secret-word@h/d', readonly_url: 'postgres://h/d' } });
  expect(() => readConfig({ ...common, TENANT_LOGINS: broken })).toThrow(/TENANT_LOGINS/);
  expect(() => readConfig({ ...common, TENANT_LOGINS: broken })).not.toThrow(/secret-word/);
});
