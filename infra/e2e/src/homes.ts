import { createKeyRing, type KeyRing } from '@ultracore/credentials';
import { homeNames } from '@ultracore/tenant-database';
import type { Stack } from '@ultracore/local';
import { Client } from 'pg';

export type Tier = 'enterprise' | 'standard' | 'small';

/** One short connection: connects, works, ends. */
export async function withClient<Result>(
  config: { stack: Stack; database?: string; user?: string; password?: string },
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const server = config.stack.postgres;
  if (server === undefined) throw new Error('The stack has no Postgres.');
  const client = new Client({
    host: server.host,
    port: server.port,
    user: config.user ?? server.user,
    password: config.password ?? server.password,
    database: config.database ?? 'postgres',
    connectionTimeoutMillis: 10_000,
    application_name: 'e2e',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Every object of a tenant's home that exists on the server, as `kind name`: what a superuser sees, sorted. */
export async function homeObjects(stack: Stack, tenantId: string, tier: Tier): Promise<string[]> {
  const names = homeNames(tenantId, tier);
  const inCluster = await withClient({ stack }, async (client) => {
    const { rows } = await client.query<{ object: string }>(
      `select 'role ' || rolname as object from pg_roles where rolname = any($1)
       union all select 'database ' || datname from pg_database where datname = $2`,
      [[names.role, names.readonlyRole], tier === 'enterprise' ? names.database : ''],
    );
    return rows.map((row) => row.object);
  });
  if (tier === 'enterprise') return inCluster.sort();
  const inShared = await withClient({ stack, database: 'ultracore_shared' }, async (client) => {
    const { rows } = await client.query<{ object: string }>(
      `select 'schema ' || nspname as object from pg_namespace where nspname = $1`,
      [tier === 'standard' ? names.schema : ''],
    );
    return rows.map((row) => row.object);
  });
  return [...inCluster, ...inShared].sort();
}

/** What `homeObjects` finds of a home that is complete. */
export function completeHome(tenantId: string, tier: Tier): string[] {
  const names = homeNames(tenantId, tier);
  const place = { enterprise: [`database ${names.database}`], standard: [`schema ${names.schema}`], small: [] }[tier];
  return [`role ${names.role}`, `role ${names.readonlyRole}`, ...place].sort();
}

export interface Login {
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

let keyRing: Promise<KeyRing> | undefined;

/** A tenant's login, from the read model's ciphertext and the stack's master password. */
export async function loginOf(stack: Stack, tenantId: string, mode: 'readwrite' | 'readonly' = 'readwrite'): Promise<Login> {
  keyRing ??= createKeyRing({ masterPassword: stack.master_password, keyId: stack.master_key.key_id });
  const ring = await keyRing;
  const row = await withClient({ stack, database: 'ultracore_tenants' }, async (client) => {
    const { rows } = await client.query<{ db_name: string; role: string; sealed: string }>(
      mode === 'readwrite'
        ? 'select db_name, db_username as role, db_password_encrypted as sealed from tenant_configs where tenant_id = $1'
        : 'select db_name, readonly_db_username as role, readonly_db_password_encrypted as sealed from tenant_configs where tenant_id = $1',
      [tenantId],
    );
    return rows[0];
  });
  if (row === undefined) throw new Error(`${tenantId} is not in tenant_configs.`);
  return { database: row.db_name, user: row.role, password: ring.open({ tenantId, role: row.role, sealed: row.sealed }) };
}
