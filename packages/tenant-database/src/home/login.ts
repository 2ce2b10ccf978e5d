import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, runScript } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { type Home, homeComment, homeNames, namedHome } from '../names.ts';
import { assertOurs, commentsOfRoles } from './roles.ts';
import { searchPathStatement } from './search-path.ts';
import { endSessionsOfRoles } from './sessions.ts';

/** What a login may use. A tenant can set the timeouts for its own session again; the other two it cannot. */
export interface LoginLimits {
  /** Sessions at one time, of each login. */
  readonly connectionLimit: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** Disk that the sorts and hashes of one session may take. */
  readonly tempFileLimitMb: number;
}

/** SCRAM-SHA-256 verifiers of the two logins' passwords. */
export interface Verifiers {
  readonly readWrite: string;
  readonly readOnly: string;
}

const VERIFIER = /^SCRAM-SHA-256\$[1-9]\d{3,6}:[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/;

/**
 * Opens both logins: limits, then verifier, then LOGIN, in one transaction. The same call resizes, resumes and repairs: what a
 * tenant changed about its own roles (password, settings) is set again. Any database of the server; safe to repeat.
 * @throws TenantDatabaseError `not_a_verifier` (no password is ever sent), `bad_limits`, `foreign_object`, `not_prepared`.
 */
export async function openLogin(connection: Connection, home: Home, limits: LoginLimits, verifiers: Verifiers): Promise<void> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  await assertRolesOurs(connection, home);
  await runScript(connection, [
    ...[role, readonlyRole].flatMap((name) => [...restoreSettings(home, name), ...limitStatements(name, limits)]),
    `alter role ${quoteIdent(role)} login password ${verifierLiteral(verifiers.readWrite)}`,
    `alter role ${quoteIdent(readonlyRole)} login password ${verifierLiteral(verifiers.readOnly)}`,
  ]);
}

/**
 * Sets limits alone, with both logins as they are: a resize.
 * @throws as `openLogin`.
 */
export async function setLimits(connection: Connection, home: Home, limits: LoginLimits): Promise<void> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  await assertRolesOurs(connection, home);
  await runScript(connection, [...limitStatements(role, limits), ...limitStatements(readonlyRole, limits)]);
}

/**
 * Sets the passwords' verifiers, with LOGIN as it is: a rotation. Sessions that are open stay open.
 * @throws as `openLogin`.
 */
export async function setVerifiers(connection: Connection, home: Home, verifiers: Verifiers): Promise<void> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  await assertRolesOurs(connection, home);
  await runScript(connection, [
    `alter role ${quoteIdent(role)} password ${verifierLiteral(verifiers.readWrite)}`,
    `alter role ${quoteIdent(readonlyRole)} password ${verifierLiteral(verifiers.readOnly)}`,
  ]);
}

/**
 * Closes both logins and ends their sessions; returns how many were ended. When it returns nobody is in, and nobody can enter.
 * @throws TenantDatabaseError `foreign_object`, `not_prepared`, `still_in_use` when sessions outlive the deadline.
 */
export async function closeLogin(connection: Connection, home: Home): Promise<number> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  await assertRolesOurs(connection, home);
  return closeRoles(connection, [role, readonlyRole]);
}

/** NOLOGIN, committed, then the end of the sessions: in the other order a client would be back before the door is shut. */
export async function closeRoles(connection: Connection, roles: readonly string[]): Promise<number> {
  if (roles.length === 0) return 0;
  await runScript(
    connection,
    roles.map((role) => `alter role ${quoteIdent(role)} nologin`),
  );
  return endSessionsOfRoles(connection, roles);
}

async function assertRolesOurs(connection: Connection, home: Home): Promise<void> {
  const { role, readonlyRole } = homeNames(home.tenantId, home.tier);
  const comments = await commentsOfRoles(connection, [role, readonlyRole]);
  for (const name of [role, readonlyRole]) {
    const comment = comments.get(name);
    if (comment === undefined) throw new TenantDatabaseError('not_prepared', `Role ${name} does not exist.`);
    assertOurs('Role', name, comment, homeComment(home.tenantId, home.requestId));
  }
}

/** A tenant may set anything but limits for its own roles, also for one database only: gone, but for the search_path as it was made. */
function restoreSettings(home: Home, role: string): string[] {
  const { database } = homeNames(home.tenantId, home.tier);
  const name = quoteIdent(role);
  return [
    `alter role ${name} reset all`,
    `alter role ${name} in database ${quoteIdent(database)} reset all`,
    searchPathStatement(namedHome(home), role),
  ];
}

function limitStatements(role: string, limits: LoginLimits): string[] {
  for (const [name, value] of Object.entries(limits)) {
    // 0 and less mean "no limit" to Postgres; larger ones do not fit its integers.
    if (!Number.isSafeInteger(value) || value < 1 || value > 2_000_000) {
      throw new TenantDatabaseError('bad_limits', `${name} must be a whole number from 1 to 2,000,000, not ${value}.`);
    }
  }
  const name = quoteIdent(role);
  return [
    `alter role ${name} connection limit ${limits.connectionLimit}`,
    `alter role ${name} set statement_timeout = ${limits.statementTimeoutMs}`,
    `alter role ${name} set idle_in_transaction_session_timeout = ${limits.idleInTransactionTimeoutMs}`,
    `alter role ${name} set temp_file_limit = '${limits.tempFileLimitMb}MB'`,
  ];
}

function verifierLiteral(verifier: string): string {
  if (!VERIFIER.test(verifier)) {
    throw new TenantDatabaseError('not_a_verifier', 'A login gets a SCRAM-SHA-256 verifier, never a password.');
  }
  return quoteLiteral(verifier);
}
