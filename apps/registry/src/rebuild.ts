import { randomUUID } from 'node:crypto';
import { createEventStoreDb } from '@ultracore/eventstoredb';
import { createPool } from '@ultracore/postgres';
import { createLogger, runMain } from '@ultracore/service';
import { readRebuildConfig } from './config.ts';
import { rebuildTenants } from './readmodel/rebuild.ts';
import { migrateRegistry } from './store/schema.ts';

await runMain('rebuild', async () => {
  const config = readRebuildConfig();
  const logger = createLogger({ name: 'rebuild', level: config.logLevel });
  const pool = createPool({ connectionString: config.databaseUrl, applicationName: `rebuild ${randomUUID()}`, max: 3, logger });
  const store = createEventStoreDb({ connectionString: config.eventStoreUrl });
  try {
    await migrateRegistry(pool);
    const { rows, events, ms, lockedMs } = await rebuildTenants({ pool, store });
    const perSecond = Math.round((rows / ms) * 1000);
    process.stdout.write(
      `tenant_configs rebuilt: ${rows} rows from ${events} events in ${(ms / 1000).toFixed(2)} s ` +
        `(${perSecond} rows/s); the projector waited ${lockedMs.toFixed(0)} ms\n`,
    );
  } finally {
    await store.stop();
    await pool.end();
  }
});
