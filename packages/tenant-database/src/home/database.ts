import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, hasSqlState, runScript } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { type Home, homeComment, homeNames, type NamedHome, namedHome, ROLES, TEMPLATE_DATABASE } from '../names.ts';
import { assertOurs, type Made } from './roles.ts';
import { searchPathStatement } from './search-path.ts';

/**
 * Key of the advisory lock, in database `postgres` (which no tenant may enter), that serialises CREATE DATABASE: two at once
 * collide on their template. The bootstrap holds it while it works in the template.
 */
export const CREATE_DATABASE_LOCK = 7_402_115_901;

const OBJECT_IN_USE = '55006';
const CREATE_ATTEMPTS = 5;

export interface CreateDatabaseOptions {
  /**
   * Did the caller record, durably and before it called, that this request creates this database? A database cannot get its
   * comment in the statement that makes it; a closed one without a comment is adopted only when the caller says so.
   */
  readonly creationRecorded: boolean;
}

interface DatabaseState {
  readonly comment: string | null;
  readonly open: boolean;
  readonly invalid: boolean;
  readonly ours: boolean;
}

/**
 * Makes the database of an enterprise home from the hardened template, then, in one transaction, its comment, who may connect,
 * the logins' search_path, and opens it. The roles must exist. Run it in database `postgres`; safe to repeat at any point.
 * @throws TenantDatabaseError `foreign_object`, or `not_prepared` without the roles; `still_in_use` while the template is busy.
 */
export async function createDatabase(connection: Connection, home: Home, options: CreateDatabaseOptions): Promise<Made> {
  const names = homeNames(home.tenantId, home.tier);
  const comment = homeComment(home.tenantId, home.requestId);
  const state = await databaseState(connection, names.database);
  if (state?.comment === comment && state.open && !state.invalid) return 'adopted';
  if (state !== undefined && !isCutShort(state, comment, options)) assertOurs('Database', names.database, state.comment, comment);
  // Cut off while it was being dropped: nothing can be done with it but to drop it.
  if (state?.invalid === true) await connection.query(`drop database if exists ${quoteIdent(names.database)}`);
  if (state === undefined || state.invalid) await createFromTemplate(connection, names.database);
  await openToTenant(connection, home, comment);
  return 'created';
}

function isCutShort(state: DatabaseState, comment: string, { creationRecorded }: CreateDatabaseOptions): boolean {
  if (state.comment === comment) return true;
  return state.comment === null && state.ours && creationRecorded && (!state.open || state.invalid);
}

/** What the catalog says of a database; undefined when there is none. Ours: owned by `ultracore_owner`. */
export async function databaseState(connection: Connection, name: string): Promise<DatabaseState | undefined> {
  const { rows } = await connection.query<DatabaseState>(
    `select shobj_description(oid, 'pg_database') as comment, datallowconn as open, datconnlimit = -2 as invalid,
            datdba = '${ROLES.owner}'::regrole as ours
       from pg_database where datname = $1`,
    [name],
  );
  return rows[0];
}

/** Closed at first: in the moment before the ACL is set, PUBLIC could connect. */
export async function createFromTemplate(connection: Connection, database: string): Promise<void> {
  const statement = `create database ${quoteIdent(database)} owner ${ROLES.owner} template ${TEMPLATE_DATABASE} strategy wal_log allow_connections false`;
  await connection.query('select pg_advisory_lock($1)', [CREATE_DATABASE_LOCK]);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await connection.query(statement);
        return;
      } catch (error) {
        if (!hasSqlState(error, OBJECT_IN_USE)) throw error;
        // Postgres itself waited five seconds for the other session to leave the template.
        if (attempt === CREATE_ATTEMPTS) {
          throw new TenantDatabaseError('still_in_use', `Somebody is connected to ${TEMPLATE_DATABASE}.`, { cause: error });
        }
      }
    }
  } finally {
    // A connection that broke has lost the lock with its session.
    await connection.query('select pg_advisory_unlock($1)', [CREATE_DATABASE_LOCK]).catch(() => {});
  }
}

async function openToTenant(connection: Connection, home: Home, comment: string): Promise<void> {
  const named = namedHome(home);
  try {
    await runScript(connection, [
      `comment on database ${quoteIdent(named.names.database)} is ${quoteLiteral(comment)}`,
      ...openDatabaseStatements(named),
    ]);
  } catch (error) {
    if (!hasSqlState(error, '42704')) throw error;
    throw new TenantDatabaseError('not_prepared', `The roles of ${home.tenantId} do not exist yet.`, { cause: error });
  }
}

/** Who may connect to the database of an enterprise home, and with which search_path; opens it. */
export function openDatabaseStatements(home: NamedHome): string[] {
  const [database, role, readonlyRole] = [home.names.database, home.names.role, home.names.readonlyRole].map(quoteIdent);
  return [
    `revoke all on database ${database} from public`,
    `grant connect on database ${database} to ${role}, ${readonlyRole}`,
    searchPathStatement(home, home.names.role),
    searchPathStatement(home, home.names.readonlyRole),
    `alter database ${database} with allow_connections true`,
  ];
}
