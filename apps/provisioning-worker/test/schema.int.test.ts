import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPool, dumpSchema, migrate } from '@ultracore/postgres';
import { createLogger } from '@ultracore/service';
import { freshDatabase, testStack } from '@ultracore/testkit';
import { expect, it } from 'vitest';

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

it('a bookkeeping in use is migrated with what it knows: requests that are open, and those that are done', async () => {
  await using database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'test', logger });
  const first = mkdtempSync(join(tmpdir(), 'ultracore-worker-'));
  try {
    cpSync(join(MIGRATIONS, '0001_bookkeeping.sql'), join(first, '0001_bookkeeping.sql'));
    await migrate(pool, { directory: first, schema: 'worker' });
    const [open, done] = [randomUUID(), randomUUID()];
    const requests = { provision: { id: done, outcome: 'done', attempt: 1 }, rotate: { id: open, outcome: 'open' }, purge: null };
    await pool.query(
      `insert into worker.directory_row (tenant_id, revision, row, provision_id, provision_outcome) values ('a', 1, $1, $2, 'done')`,
      [JSON.stringify({ requests }), done],
    );
    await pool.query(`insert into worker.work_item (request_id, tenant_id, revision) values ($1, 'a', 0)`, [done]);
    await migrate(pool, { directory: MIGRATIONS, schema: 'worker' });
    const { rows } = await pool.query(
      'select open_requests, done_requests, i.kind from worker.directory_row, worker.work_item i',
    );
    expect(rows).toEqual([{ open_requests: [open], done_requests: [done], kind: 'provision' }]);
  } finally {
    rmSync(first, { recursive: true, force: true });
    await pool.end();
  }
});
