import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import type { Connection } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { ROLES } from '../names.ts';

const NOTHING = 'nosuperuser nocreatedb nocreaterole noreplication nobypassrls';

/** Every role of ours with what it may be; the bootstrap sets it and the verification compares it. */
const ATTRIBUTES: Record<(typeof ROLES)[keyof typeof ROLES], string> = {
  [ROLES.owner]: `nologin ${NOTHING}`,
  [ROLES.maint]: `nologin ${NOTHING}`,
  [ROLES.sharedAccess]: `nologin ${NOTHING}`,
  [ROLES.small]: `nologin ${NOTHING}`,
  [ROLES.smallReadOnly]: `nologin ${NOTHING}`,
  [ROLES.admin]: 'login nosuperuser createdb createrole noreplication nobypassrls',
};

/**
 * What the admin is given besides, and why nothing less will do:
 * the owner role, to create databases owned by it and to change its objects; the maintenance role, only after SET ROLE; the
 * groups with ADMIN OPTION, to put tenants in them; pg_signal_backend and pg_monitor, to end and to see tenants' sessions; and
 * the right to set temp_file_limit, the one session limit that a tenant cannot raise for itself.
 */
const GRANTS = [
  `grant ${ROLES.owner} to ${ROLES.admin} with inherit true, set true, admin false`,
  `grant ${ROLES.maint} to ${ROLES.admin} with inherit false, set true, admin false`,
  `grant ${ROLES.sharedAccess}, ${ROLES.small}, ${ROLES.smallReadOnly} to ${ROLES.admin} with admin true, inherit false, set false`,
  `grant pg_signal_backend, pg_monitor to ${ROLES.admin}`,
  `grant set on parameter temp_file_limit to ${ROLES.admin}`,
];

/**
 * Makes the roles of a server and gives them exactly the rights above. Returns the names of those that were missing.
 * @param adminVerifier SCRAM verifier of the admin's password; without one an existing password stays.
 * @throws TenantDatabaseError `bootstrap_refused` when the admin is new, or has no password, and no verifier is given.
 */
export async function ensureRoles(superuser: Connection, adminVerifier: string | undefined): Promise<string[]> {
  const { rows } = await superuser.query<{ rolname: string; rolpassword: string | null }>(
    'select rolname, rolpassword from pg_authid where rolname = any ($1)',
    [Object.values(ROLES)],
  );
  const existing = new Map(rows.map((row) => [row.rolname, row]));
  if (adminVerifier === undefined && (existing.get(ROLES.admin)?.rolpassword ?? null) === null) {
    throw new TenantDatabaseError('bootstrap_refused', `${ROLES.admin} has no password yet: give one for it.`);
  }
  const missing = Object.values(ROLES).filter((role) => !existing.has(role));
  const statements = [
    ...missing.map((role) => `create role ${quoteIdent(role)} nologin`),
    ...Object.entries(ATTRIBUTES).map(([role, attributes]) => `alter role ${quoteIdent(role)} ${attributes}`),
    ...GRANTS,
    ...(adminVerifier === undefined ? [] : [`alter role ${ROLES.admin} password ${quoteLiteral(adminVerifier)}`]),
  ];
  await superuser.query(statements.join(';\n'));
  return missing;
}
