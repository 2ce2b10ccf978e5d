import { Client } from 'pg';
import { expect, test } from 'vitest';
import { freshDatabase, testStack } from '../src/index.ts';

test('a fresh database is empty, reachable as superuser, and gone after its test', async () => {
  const stack = testStack();
  await using database = await freshDatabase(stack);
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  } finally {
    await client.end();
  }
});

test('the stack tells the addresses of the four backends', () => {
  const stack = testStack();
  expect(stack.kafka.brokers).toHaveLength(1);
  expect(stack.kafka.principals).toHaveProperty('admin.password');
  expect(stack.schemaRegistryUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/apis\/ccompat\/v7$/);
});
