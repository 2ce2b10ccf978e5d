import { createPool } from '@ultracore/postgres';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { expect, test } from 'vitest';
import { provenVersion } from '../../src/readmodel/proven-version.ts';
import { migrateRegistry } from '../../src/store/schema.ts';
import { logger } from '../app.ts';

test('a version is proven for a tier by a rollout over the whole of it that is completed, or past its canary; the newest of them counts', async () => {
  await using database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'registry-test', logger });
  const add = (version: string, status: string, wave: number, tiers: readonly string[] = ['standard']) =>
    pool.query(
      `insert into rollouts (rollout_id, target_version, reason, status, attempt, wave, planned_by, planned_at, revision, whole_tiers)
       values ($1, $2, 'test', $3, 1, $4, 'op-1', now(), 0, $5)`,
      [v4(), version, status, wave, tiers],
    );
  const proven = () => provenVersion(pool, 'standard');
  try {
    await migrateRegistry(pool);
    expect(await proven()).toBeUndefined();
    await add('0003', 'completed', 2);
    await add('0002', 'completed', 2);
    await add('0009', 'completed', 2, ['small']);
    await add('0008', 'completed', 0, []);
    await add('0007', 'stopped', 2);
    await add('0006', 'running', 0);
    expect(await proven()).toBe('0003');
    await add('0005', 'running', 1);
    expect(await proven()).toBe('0005');
  } finally {
    await pool.end();
  }
});
