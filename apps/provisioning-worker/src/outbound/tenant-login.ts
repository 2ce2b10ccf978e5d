import { sqlStateOf } from '@ultracore/postgres';
import { ADMIN_DATABASE, homeNames, TenantDatabaseError, type Connection, type Home } from '@ultracore/tenant-database';
import { Client } from 'pg';
import { judge } from './judge.ts';
import type { PostgresServer } from './server.ts';

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
  server: PostgresServer,
  home: Home,
  { kind, password }: { kind: LoginKind; password: string },
  work: (connection: Connection) => Promise<void>,
): Promise<'done' | 'refused'> {
  const names = homeNames(home.tenantId, home.tier);
  const client = new Client({
    host: server.host,
    port: server.port,
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
    throw await blamed(server, error);
  }
  try {
    await work(client);
    return 'done';
  } catch (error) {
    throw await blamed(server, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * A tenant can end its own sessions and slow its own logins. What looks like a fault of the server is one only if the admin meets
 * it too; otherwise one tenant could stop the work of every other on the server.
 */
async function blamed(server: PostgresServer, error: unknown): Promise<unknown> {
  const { kind, code, reason } = judge(error);
  if (kind !== 'server') return error;
  try {
    await askAsAdmin(server);
  } catch (worse) {
    return worse;
  }
  return new TenantDatabaseError('smoke_failed', `A login did not work on a server that does (${code}): ${reason}`);
}

async function askAsAdmin(server: PostgresServer): Promise<void> {
  const connection = await server.connect(ADMIN_DATABASE);
  try {
    await connection.client.query('select 1');
  } finally {
    await connection.giveBack();
  }
}
