import type { DirectoryRow } from '@ultracore/contracts';
import type { KeyRing } from '@ultracore/credentials';
import { homeNames } from '@ultracore/tenant-database';
import { Client } from 'pg';
import type { HomeServer } from './rig.ts';

/** Every object of a server that has a tenant's names, as `kind name`. */
export async function objectsOf(server: HomeServer, tenantId: string): Promise<string[]> {
  const names = homeNames(tenantId, 'standard');
  const { database } = homeNames(tenantId, 'enterprise');
  const roles = await server.query<{ name: string }>(
    `select 'role ' || rolname as name from pg_roles where rolname in ($1, $2)
     union all select 'database ' || datname from pg_database where datname = $3 order by 1`,
    [names.role, names.readonlyRole, database],
  );
  const schemas = await server.query<{ name: string }>(
    `select 'schema ' || nspname as name from pg_namespace where nspname = $1`,
    [names.schema],
    'ultracore_shared',
  );
  return [...roles, ...schemas].map(({ name }) => name);
}

/** What `objectsOf` answers for a whole home. */
export function wholeHome(tenantId: string, tier: 'enterprise' | 'standard' | 'small'): string[] {
  const names = homeNames(tenantId, tier);
  return [
    ...(tier === 'enterprise' ? [`database ${names.database}`] : []),
    `role ${names.role}`,
    `role ${names.readonlyRole}`,
    ...(tier === 'standard' ? [`schema ${names.schema}`] : []),
  ];
}

/** Runs a statement as the tenant, with the credential that the directory shows. */
export async function asTenant<Row extends object>(
  row: DirectoryRow,
  keyRing: KeyRing,
  sql: string,
  login: 'readwrite' | 'readonly' = 'readwrite',
): Promise<Row[]> {
  const { credential, tenant_id: tenantId } = row;
  if (credential === null) throw new Error('The tenant has no credential.');
  const readonly = login === 'readonly';
  const role = readonly ? credential.readonly_db_username : credential.db_username;
  const sealed = readonly ? credential.readonly_db_password_encrypted : credential.db_password_encrypted;
  const client = new Client({
    host: row.db_host ?? '',
    port: row.db_port ?? 0,
    database: homeNames(tenantId, row.tier).database,
    user: role,
    password: keyRing.open({ tenantId, role, sealed }),
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
