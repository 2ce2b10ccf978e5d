import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_DATABASE, type Connection, withConnection } from '@ultracore/tenant-database';
import type { Contender } from './contenders/contender.ts';
import type { BenchServer } from './server.ts';

const EVERY_MS = 20;

/** The most connections of tenants' logins that Postgres showed while `work` ran, and how many looks were taken. */
export async function mostConnections<Result>(
  server: BenchServer,
  work: () => Promise<Result>,
): Promise<{ result: Result; most: number; looks: number }> {
  return withConnection(server.superuser, ADMIN_DATABASE, async (superuser) => {
    let most = 0;
    let looks = 0;
    const done = new AbortController();
    const watching = (async () => {
      while (!done.signal.aborted) {
        most = Math.max(most, await allConnections(superuser));
        looks += 1;
        await sleep(EVERY_MS);
      }
    })();
    try {
      const result = await work();
      return { result, most, looks };
    } finally {
      done.abort();
      await watching;
    }
  });
}

/** Connections of this contender at this moment. */
export async function connectionsOf(server: BenchServer, { owns }: Contender): Promise<number> {
  return withConnection(server.superuser, ADMIN_DATABASE, async (superuser) => {
    const { rows } = await superuser.query<{ name: string; n: number }>(
      `select application_name as name, count(*)::int as n from pg_stat_activity where starts_with(usename, 'uc_') group by 1`,
    );
    return rows.filter(({ name }) => owns(name)).reduce((sum, { n }) => sum + n, 0);
  });
}

/** Tenants' connections at this moment, those that are still logging in included. */
async function allConnections(superuser: Connection): Promise<number> {
  const { rows } = await superuser.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
        and (usename is null or starts_with(usename, 'uc_'))`,
  );
  return rows[0]?.n ?? 0;
}
