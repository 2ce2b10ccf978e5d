import { scramVerifier } from '@ultracore/credentials';
import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import {
  ADMIN_DATABASE,
  type BootstrapResult,
  type Connection,
  type Finding,
  superuserConnect,
  TenantDatabaseError,
  withConnection,
} from '@ultracore/tenant-database';

/** The services of the control plane that keep tables: each its own login, which owns its own database and nothing else. */
export const CONTROL_PLANE = [
  { role: 'ultracore_registry', database: 'ultracore_tenants' },
  { role: 'ultracore_worker', database: 'ultracore__worker' },
] as const;

export type ControlPlaneRole = (typeof CONTROL_PLANE)[number]['role'];

/** Passwords of the services' logins, of which only verifiers are sent. One left out keeps what it has. */
export type ControlPlanePasswords = Readonly<Partial<Record<ControlPlaneRole, string | undefined>>>;

/** The key of the advisory lock that lets two runs at once come one after the other. */
const LOCK = 7_402_115_902;

/**
 * Makes the databases and logins of the control plane's services on a server (the tenants' or another), and reads them back.
 * Needs a superuser; safe to repeat. PUBLIC may not connect to any of them.
 * @throws TenantDatabaseError `bootstrap_refused` when a login is new, or has no password, and none is given; when a database of
 * one of the names exists that is not owned by its service's login.
 */
export async function bootstrapControlPlane(superuserUrl: string, passwords: ControlPlanePasswords): Promise<BootstrapResult> {
  return withConnection(superuserConnect(superuserUrl), ADMIN_DATABASE, async (superuser) => {
    await superuser.query('select pg_advisory_lock($1)', [LOCK]);
    const done: string[] = [];
    await assertDatabasesOurs(superuser);
    for (const { role, database } of CONTROL_PLANE) {
      if (await ensureLogin(superuser, role, passwords[role])) done.push(`made role ${role}`);
      if (await ensureDatabase(superuser, database, role)) done.push(`made database ${database} of ${role}`);
    }
    return { done, findings: await verifyControlPlane(superuser) };
  });
}

/** Reads back what `bootstrapControlPlane` made; empty = fit. */
export async function verifyControlPlane(connection: Connection): Promise<Finding[]> {
  const { rows } = await connection.query<Finding>(
    `with wanted (role, database) as (select * from unnest($1::text[], $2::text[]))
     select 'not_bootstrapped' as code, format('Role %s does not exist.', role) as detail from wanted
      where not exists (select from pg_roles where rolname = role)
     union all
     select 'not_bootstrapped', format('Database %s does not exist.', database) from wanted
      where not exists (select from pg_database where datname = database)
     union all
     select 'not_hardened:ownership', format('Database %s is owned by %s, not by %s.', database, datdba::regrole, role)
       from wanted join pg_database on datname = database where datdba::regrole::text <> role
     union all
     select 'not_hardened:public_on_database', format('PUBLIC has %s on database %s.', a.privilege_type, datname)
       from wanted join pg_database on datname = database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a where a.grantee = 0
     union all
     select 'not_hardened:role_attribute', format('%s may do more, or less, than log in.', rolname) from wanted join pg_roles on rolname = role
      where rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or not rolcanlogin
     union all
     select 'not_hardened:membership', format('%s is a member of %s.', m.member::regrole, m.roleid::regrole)
       from pg_auth_members m join wanted on m.member = to_regrole(role)`,
    [CONTROL_PLANE.map(({ role }) => role), CONTROL_PLANE.map(({ database }) => database)],
  );
  return rows;
}

async function ensureLogin(superuser: Connection, role: string, password: string | undefined): Promise<boolean> {
  const { rows } = await superuser.query<{ has_password: boolean }>(
    'select rolpassword is not null as has_password from pg_authid where rolname = $1',
    [role],
  );
  const [existing] = rows;
  if (password === undefined && existing?.has_password !== true) {
    throw new TenantDatabaseError('bootstrap_refused', `${role} has no password yet: give one for it.`);
  }
  const secret = password === undefined ? '' : ` password ${quoteLiteral(scramVerifier(password))}`;
  await superuser.query(
    `${existing === undefined ? 'create' : 'alter'} role ${quoteIdent(role)}
       login nosuperuser nocreatedb nocreaterole noreplication nobypassrls${secret}`,
  );
  return existing === undefined;
}

/** Before anything is made: a database of the name may be somebody else's, with data in it. */
async function assertDatabasesOurs(superuser: Connection): Promise<void> {
  const { rows } = await superuser.query<{ database: string; role: string; owner: string }>(
    `select database, role, pg_get_userbyid(datdba) as owner
       from unnest($1::text[], $2::text[]) wanted (role, database) join pg_database on datname = database
      where pg_get_userbyid(datdba) <> role`,
    [CONTROL_PLANE.map(({ role }) => role), CONTROL_PLANE.map(({ database }) => database)],
  );
  const [first] = rows;
  if (first === undefined) return;
  const { database, role, owner } = first;
  throw new TenantDatabaseError(
    'bootstrap_refused',
    `Database ${database} exists and is owned by ${owner}, not by ${role}: it was left as it is.`,
  );
}

/** Closed until PUBLIC is shut out, so that there is no moment in which anybody may connect. */
async function ensureDatabase(superuser: Connection, database: string, owner: string): Promise<boolean> {
  const { rowCount } = await superuser.query('select from pg_database where datname = $1', [database]);
  if (rowCount === 0) {
    await superuser.query(
      `create database ${quoteIdent(database)} owner ${quoteIdent(owner)} template template0 encoding 'UTF8' allow_connections false`,
    );
  }
  await superuser.query(`
    revoke all on database ${quoteIdent(database)} from public;
    alter database ${quoteIdent(database)} with allow_connections true;`);
  return rowCount === 0;
}
