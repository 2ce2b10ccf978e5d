import type { Stack } from '@ultracore/local';
import { Client } from 'pg';
import { required } from '../frame/required.ts';

const EVERY_MS = 100;

interface Counts {
  /** Sessions of the admin, which no one but the worker is. */
  worker: number;
  all: number;
}

/** Counts the sessions of the server again and again; its own is not among them. */
export async function watchConnections(stack: Stack) {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const admin = required(stack.postgres_admin, 'postgres_admin').user;
  const client = new Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  const most: Counts = { worker: 0, all: 0 };
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const { rows } = await client.query<Counts>(
      `select count(*) filter (where usename = $1)::int as worker, count(*)::int as all
       from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      [admin],
    );
    most.worker = Math.max(most.worker, rows[0]?.worker ?? 0);
    most.all = Math.max(most.all, rows[0]?.all ?? 0);
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, EVERY_MS);
  return {
    most: (): Counts => ({ ...most }),
    async [Symbol.asyncDispose](): Promise<void> {
      clearInterval(timer);
      await looking;
      await client.end();
    },
  };
}
