import { createPool } from '@ultracore/postgres';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { createRequestMemory, type KeyedRequest } from '../../src/store/idempotency-keys.ts';
import { migrateRegistry } from '../../src/store/schema.ts';

async function registryDatabase() {
  const database = await freshDatabase(testStack());
  const statements: string[] = [];
  const pool = createPool({ connectionString: database.url, applicationName: 'test', logger: { warn: () => undefined } });
  await migrateRegistry(pool);
  pool.on('acquire', () => statements.push('statement'));
  return {
    pool,
    statements,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

const requestOf = (key: string, { asked = 'a', principal = 'ops' } = {}): KeyedRequest => ({
  principal,
  route: 'POST /v1/tenants',
  key,
  fingerprint: Buffer.from(asked),
  tenantId: `tenant-${key}-${asked}`,
});

describe('createRequestMemory', () => {
  it('says who of many at once is first, and tells the others what was asked', async () => {
    await using test = await registryDatabase();
    const memory = createRequestMemory(test.pool);
    const asked = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'a' : 'b'));
    const answers = await Promise.all(asked.map((each) => memory.remember(requestOf('k', { asked: each }))));
    expect(answers.filter(({ first }) => first)).toHaveLength(1);
    expect(new Set(answers.map(({ tenantId }) => tenantId))).toEqual(new Set(['tenant-k-a']));
    expect(answers.map(({ same }) => same)).toEqual(asked.map((each) => each === 'a'));
  });

  it('remembers hundreds that come together in a few statements, each under its own principal', async () => {
    await using test = await registryDatabase();
    const memory = createRequestMemory(test.pool);
    const requests = Array.from({ length: 500 }, (_, n) => requestOf(`k${n >> 1}`, { principal: n % 2 === 0 ? 'ops' : 'other' }));
    const answers = await Promise.all(requests.map((request) => memory.remember(request)));
    expect(answers.every(({ first, same }) => first && same)).toBe(true);
    expect(answers.map(({ tenantId }) => tenantId)).toEqual(requests.map(({ tenantId }) => tenantId));
    expect(test.statements.length).toBeLessThan(10);
  });

  it('fails only the one that the database does not take', async () => {
    await using test = await registryDatabase();
    const memory = createRequestMemory(test.pool);
    const requests = [requestOf('a'), requestOf('b', { principal: 'nul\0' }), requestOf('c')];
    const answers = await Promise.allSettled(requests.map((request) => memory.remember(request)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
