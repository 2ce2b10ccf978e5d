import { createKeyRing, CredentialError } from '@ultracore/credentials';
import { Client } from 'pg';
import { LauncherError } from './errors.ts';
import type { Stack } from './stack-file.ts';

export interface TenantLogin {
  tenantId: string;
  tier: string;
  host: string;
  port: number;
  database: string;
  schema: string | null;
  user: string;
  password: string;
}

interface Row {
  tenant_id: string;
  tier: string;
  status: string;
  db_host: string | null;
  db_port: number | null;
  db_name: string | null;
  schema_name: string | null;
  db_username: string | null;
  db_password_encrypted: string | null;
  readonly_db_username: string | null;
  readonly_db_password_encrypted: string | null;
}

/**
 * A tenant's own login, opened with the stack's master password: what only the person who runs the local stack can do. Throws
 * `unknown_tenant`, `inactive_tenant`, or `credential_closed` when the master password is not the one it was sealed with.
 */
export async function openTenantLogin(
  stack: Stack,
  tenantId: string,
  options: { readonly?: boolean } = {},
): Promise<TenantLogin> {
  const row = await readConfig(stack, tenantId);
  if (row.status !== 'active') {
    throw new LauncherError(
      'inactive_tenant',
      `Tenant ${tenantId} is ${row.status}: ${WHY_NO_LOGIN[row.status] ?? 'it has no open login'}.`,
    );
  }
  const user = options.readonly ? row.readonly_db_username : row.db_username;
  const sealed = options.readonly ? row.readonly_db_password_encrypted : row.db_password_encrypted;
  const { db_host: host, db_port: port, db_name: database } = row;
  if (user === null || sealed === null || host === null || port === null || database === null) {
    throw new LauncherError(
      'inactive_tenant',
      `Tenant ${tenantId} has no credential in the read model yet: try again in a moment.`,
    );
  }
  const password = await open(stack, tenantId, user, sealed);
  return { tenantId, tier: row.tier, host, port, database, schema: row.schema_name, user, password };
}

const WHY_NO_LOGIN: Record<string, string> = {
  provisioning: 'its home is being made; wait for it to be active',
  failed: 'its home could not be made; GET /v1/tenants/<id>/events tells why',
  suspended: 'its logins are closed until it is reactivated',
  terminated: 'its logins are closed',
  purged: 'its data and logins are gone',
};

/** The URL of the login for one's own tools. It holds the password. */
export function loginUrl(login: TenantLogin): string {
  return `postgres://${login.user}:${encodeURIComponent(login.password)}@${login.host}:${login.port}/${login.database}`;
}

async function readConfig(stack: Stack, tenantId: string): Promise<Row> {
  if (stack.postgres === undefined)
    throw new LauncherError('not_running', 'The running stack has no Postgres: start it without --only.');
  const client = new Client({ ...stack.postgres, database: 'ultracore_tenants', application_name: 'as-tenant' });
  try {
    await client.connect();
    const { rows } = await client.query<Row>(
      `select tenant_id, tier, status, db_host, db_port, db_name, schema_name, db_username, db_password_encrypted,
              readonly_db_username, readonly_db_password_encrypted
         from tenant_configs where tenant_id = $1`,
      [tenantId],
    );
    const [row] = rows;
    if (row !== undefined) return row;
    const known = await client.query<{ tenant_id: string }>(
      'select tenant_id from tenant_configs order by created_at desc limit 8',
    );
    const names = known.rows.map((each) => each.tenant_id).join(', ');
    throw new LauncherError(
      'unknown_tenant',
      `There is no tenant ${tenantId}. ${names === '' ? 'There is none at all yet.' : `Some that there are: ${names}.`}`,
    );
  } catch (error) {
    if (error instanceof LauncherError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new LauncherError('backend_unreachable', `The read model could not be asked: ${reason}. Is the stack running?`, {
      cause: error,
    });
  } finally {
    await client.end().catch(() => {});
  }
}

async function open(stack: Stack, tenantId: string, role: string, sealed: string): Promise<string> {
  const { key_id: keyId, salt, rounds } = stack.master_key;
  const { previous_master: previous } = stack;
  const retired = previous === undefined ? [] : [{ masterPassword: previous.password, keyId: previous.key_id, salt, rounds }];
  try {
    const ring = await createKeyRing({ masterPassword: stack.master_password, keyId, salt, rounds, retired });
    return ring.open({ tenantId, role, sealed });
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new LauncherError(
      'credential_closed',
      `The credential of ${tenantId} does not open with this stack's master password: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}
