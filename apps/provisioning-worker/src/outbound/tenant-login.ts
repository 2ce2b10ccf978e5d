import { sqlStateOf } from '@ultracore/postgres';
import { homeNames, type Connection, type Home } from '@ultracore/tenant-database';
import { Client } from 'pg';
import type { Server } from '../store/work.ts';

export type LoginKind = 'read-write' | 'read-only';

const TIMEOUT_MS = 10_000;
/**
 * Wrong password; a role that may not log in (any more); or a library that is not there, which a tenant can have its own login
 * load (`local_preload_libraries`): taken for a fault of the server, it would stop the work of every tenant on it.
 */
const REFUSED: ReadonlySet<string | undefined> = new Set(['28P01', '28000', '58P01']);

/**
 * Logs in to a home as its tenant and runs `work`. `'refused'` when the server does not take the password, the role may not
 * log in or cannot with the settings its tenant gave it; every other failure is thrown.
 */
export async function asTenant(
  { host, port }: Server,
  home: Home,
  { kind, password }: { kind: LoginKind; password: string },
  work: (connection: Connection) => Promise<void>,
): Promise<'done' | 'refused'> {
  const names = homeNames(home.tenantId, home.tier);
  const client = new Client({
    host,
    port,
    database: names.database,
    user: kind === 'read-write' ? names.role : names.readonlyRole,
    password,
    application_name: 'ultracore-worker login test',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    if (REFUSED.has(sqlStateOf(error))) return 'refused';
    throw error;
  }
  try {
    await work(client);
    return 'done';
  } finally {
    await client.end().catch(() => undefined);
  }
}
