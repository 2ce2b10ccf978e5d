import { createPool } from '@ultracore/postgres';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { expect, test } from 'vitest';
import { migrateRegistry } from '../../src/store/schema.ts';
import { takeTurn } from '../../src/store/rollout-turn.ts';
import { logger } from '../app.ts';

const anyTime = (): Promise<void> => Promise.resolve();
const [FIRST, SECOND] = ['6d0e4d5e-0b54-4a0e-9b53-1d2f8a4c7e01', '6d0e4d5e-0b54-4a0e-9b53-1d2f8a4c7e02'];

test('a turn lasts as long as its work, however long the event store takes, and what was done is answered even when the lock is lost', async () => {
  await using database = await freshDatabase(testStack());
  const options = { connectionString: database.url, applicationName: 'registry-test', logger };
  const pool = createPool({ ...options, idleInTransactionTimeoutMs: 500 });
  try {
    await migrateRegistry(pool);
    const patient = takeTurn(pool, FIRST, {
      check: anyTime,
      async work() {
        await pool.query('select pg_sleep(1)');
        const other = takeTurn(pool, SECOND, { check: anyTime, work: () => Promise.resolve('both') });
        await expect(other).rejects.toMatchObject({ code: 'rollout_open' });
        return 'alone';
      },
    });
    expect(await patient).toBe('alone');

    const endLocks = (): Promise<unknown> =>
      pool.query(
        `select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
      );
    let began = false;
    const lostAtEnd = takeTurn(pool, SECOND, { check: anyTime, work: () => endLocks().then(() => 'done') });
    expect(await lostAtEnd).toBe('done');
    const lostBefore = takeTurn(pool, FIRST, {
      check: () => endLocks().then(() => undefined),
      work: () => Promise.resolve((began = true)),
    });
    await expect(lostBefore).rejects.toThrow(/terminat|not queryable/i);
    expect(began).toBe(false);
  } finally {
    await pool.end();
  }
});
