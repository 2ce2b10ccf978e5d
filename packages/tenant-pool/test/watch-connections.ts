import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import type { Town } from './tenants.ts';

export interface ConnectionWatch {
  /** The most connections of the town's manager that Postgres has counted since; looked at as often as it answers. */
  most(): number;
  stop(): Promise<void>;
}

export async function watchConnections(town: Town): Promise<ConnectionWatch> {
  const client = new Client({ connectionString: town.server.url(), application_name: 'tenant-pool-watch' });
  await client.connect();
  let most = 0;
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::int as count from pg_stat_activity where application_name = $1',
        [town.applicationName],
      );
      most = Math.max(most, rows[0]?.count ?? 0);
      await setTimeout(5);
    }
  })();
  return {
    most: () => most,
    async stop() {
      stopping.abort();
      await watching;
      await client.end();
    },
  };
}
