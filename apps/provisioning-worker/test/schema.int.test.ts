import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createPool, dumpSchema, migrate } from '@ultracore/postgres';
import { createLogger } from '@ultracore/service';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { expect, it } from 'vitest';
import { openKeyRing } from '../src/outbound/key-ring.ts';
import { MASTER } from './support/rig.ts';

const DUMP = fileURLToPath(new URL('../src/store/schema.txt', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../src/store/migrations', import.meta.url));
const logger = createLogger({ name: 'test', level: 'silent' });

it('the migrations make the schema that is kept in src/store/schema.txt, and only once', async () => {
  await using database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'test', logger });
  try {
    await migrate(pool, { directory: MIGRATIONS, schema: 'worker' });
    expect((await migrate(pool, { directory: MIGRATIONS, schema: 'worker' })).applied).toEqual([]);
    await expect(await dumpSchema(pool, 'worker')).toMatchFileSnapshot(DUMP);
    expect(readFileSync(DUMP, 'utf8')).toContain('table sealed_credential');
  } finally {
    await pool.end();
  }
});

it('a wrong master password, salt or number of rounds is one error at the start; the right one, and a new key id, are taken', async () => {
  await using database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'test', logger });
  try {
    await migrate(pool, { directory: MIGRATIONS, schema: 'worker' });
    await openKeyRing(pool, MASTER);
    await expect(openKeyRing(pool, { ...MASTER, masterPassword: 'another' })).rejects.toMatchObject({
      code: 'wrong_master_password',
      // The worker has no retired keys: another key id would make every credential that is sealed already unreadable.
      message: expect.not.stringContaining('KEY_ID') as string,
    });
    await expect(openKeyRing(pool, { ...MASTER, salt: 'another' })).rejects.toMatchObject({ code: 'wrong_master_password' });
    await expect(openKeyRing(pool, { ...MASTER, rounds: 100_001 })).rejects.toMatchObject({ code: 'wrong_master_password' });
    expect((await openKeyRing(pool, MASTER)).keyId).toBe('k1');
    expect((await openKeyRing(pool, { ...MASTER, masterPassword: 'another', keyId: 'k2' })).keyId).toBe('k2');
  } finally {
    await pool.end();
  }
});
