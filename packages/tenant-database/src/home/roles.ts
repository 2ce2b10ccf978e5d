import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, runScript } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { type Home, homeComment, homeNames, type NamedHome, namedHome, ROLES } from '../names.ts';
import { searchPathStatement } from './search-path.ts';

/** `created`: made by this call. `adopted`: it was there, with the comment of this tenant and this request. */
export type Made = 'created' | 'adopted';

/**
 * Makes both logins of a home, closed (NOLOGIN) and without a password, in one transaction with their comments, groups and
 * search_path. Any database will do (roles are the server's). Safe to repeat.
 * @throws TenantDatabaseError `foreign_object` when a role of one of the names exists that is not of this tenant and request.
 */
export async function createRoles(connection: Connection, home: Home): Promise<Made> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  const comment = homeComment(home.tenantId, home.requestId);
  const existing = await commentsOfRoles(connection, [role, readonlyRole]);
  for (const [name, found] of existing) assertOurs('Role', name, found, comment);
  const missing = [role, readonlyRole].filter((name) => !existing.has(name));
  if (missing.length === 0) return 'adopted';
  await runScript(
    connection,
    missing.flatMap((name) => [
      ...roleStatements(namedHome(home), name),
      `comment on role ${quoteIdent(name)} is ${quoteLiteral(comment)}`,
    ]),
  );
  return 'created';
}

/** Makes one login of a home, closed, with what it may do in the shared database. */
export const roleStatements = (home: NamedHome, name: string): string[] => [
  `create role ${quoteIdent(name)} nologin`,
  ...sharedDatabaseRights(home, name, name === home.names.readonlyRole),
];

/**
 * Rights in the shared database come from groups: one entry a tenant in the ACL of one table would overflow it at about 2,400
 * tenants. SET FALSE, so that SET ROLE to a group, whose `current_tenant_id()` is NULL, is not even possible.
 */
function sharedDatabaseRights(home: NamedHome, name: string, readOnly: boolean): string[] {
  if (home.tier === 'enterprise') return [];
  const groups = [ROLES.sharedAccess, ...(home.tier === 'small' ? [readOnly ? ROLES.smallReadOnly : ROLES.small] : [])];
  return [`grant ${groups.join(', ')} to ${quoteIdent(name)} with inherit true, set false`, searchPathStatement(home, name)];
}

/** The comments of those of the roles that exist. */
export async function commentsOfRoles(connection: Connection, names: readonly string[]): Promise<Map<string, string | null>> {
  const { rows } = await connection.query<{ name: string; comment: string | null }>(
    `select rolname as name, shobj_description(oid, 'pg_authid') as comment from pg_roles where rolname = any ($1)`,
    [names],
  );
  return new Map(rows.map(({ name, comment }) => [name, comment]));
}

/** @throws TenantDatabaseError `foreign_object` unless the object carries exactly this home's comment. */
export function assertOurs(kind: string, name: string, found: string | null, comment: string): void {
  if (found === comment) return;
  throw new TenantDatabaseError(
    'foreign_object',
    `${kind} ${name} exists and is not "${comment}"${found === null ? '' : ` but "${found}"`}: it was left as it is.`,
  );
}
