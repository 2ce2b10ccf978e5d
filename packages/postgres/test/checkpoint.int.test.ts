import { describe, expect, it } from 'vitest';
import { createCheckpoint, migrate, transaction } from '../src/index.ts';
import { testPool } from './database.ts';

const noMigrations = { directory: new URL('no-migrations', import.meta.url).pathname, schema: 'app' };

describe('createCheckpoint', () => {
  it('keeps one position a name, also beyond what a JavaScript number can hold', async () => {
    await using test = await testPool();
    await migrate(test.pool, noMigrations);
    const checkpoint = createCheckpoint('app');
    expect(await checkpoint.get(test.pool, 'relay')).toBeNull();
    await checkpoint.set(test.pool, 'relay', 9_007_199_254_740_993n);
    await checkpoint.set(test.pool, 'projector', 0n);
    expect(await checkpoint.get(test.pool, 'relay')).toBe(9_007_199_254_740_993n);
    expect(await checkpoint.get(test.pool, 'projector')).toBe(0n);
  });

  it('moves with the transaction that it is set in', async () => {
    await using test = await testPool();
    await migrate(test.pool, noMigrations);
    const checkpoint = createCheckpoint('app');
    await checkpoint.set(test.pool, 'projector', 1n);
    const failing = transaction(test.pool, async (client) => {
      await checkpoint.set(client, 'projector', 2n);
      throw new Error('the row could not be written');
    });
    await expect(failing).rejects.toThrow('the row could not be written');
    expect(await checkpoint.get(test.pool, 'projector')).toBe(1n);
  });
});
