import { sqlStateOf } from '@ultracore/postgres';
import { type Connect, type Connection, withConnection } from '../client.ts';
import { ADMIN_DATABASE, ROLES, SHARED_DATABASE, TEMPLATE_DATABASE, TENANT_GROUPS } from '../names.ts';
import { verifyDatabase } from './database.ts';
import type { Finding } from './finding.ts';
import { serverVersion, tooOld } from './version.ts';

/**
 * Reads back whether a server is fit to hold tenants: version, roles and their attributes and memberships, PUBLIC on databases,
 * authentication, and everything `verifyDatabase` reads in the shared database. Changes nothing. Empty = fit.
 *
 * Made for `ultracore_admin`; a superuser's connections see the same. Enterprise homes are databases of their own:
 * `verifyDatabase` on a connection to one, after its creation and on the timer.
 */
export async function verifyServer(connect: Connect): Promise<Finding[]> {
  const findings = await withConnection(connect, ADMIN_DATABASE, verifyCluster);
  if (findings.some(({ code }) => code === 'too_old' || code === 'not_bootstrapped')) return findings;
  return [...findings, ...(await withConnection(connect, SHARED_DATABASE, (shared) => verifyDatabase(shared, { shared: true })))];
}

async function verifyCluster(connection: Connection): Promise<Finding[]> {
  const old = tooOld(await serverVersion(connection));
  if (old !== undefined) return [old];
  const missing = await missingParts(connection);
  if (missing.length > 0) return missing;
  const { rows } = await connection.query<Finding>(CLUSTER_SQL, [Object.values(ROLES), TENANT_GROUPS]);
  return [...rows, ...(await trustedAddresses(connection))];
}

async function missingParts(connection: Connection): Promise<Finding[]> {
  const { rows } = await connection.query<Finding>(
    `select 'not_bootstrapped' as code, format('Role %s does not exist.', r) as detail
       from unnest($1::text[]) r where not exists (select from pg_roles where rolname = r)
     union all
     select 'not_bootstrapped', format('Database %s does not exist.', d)
       from unnest($2::text[]) d where not exists (select from pg_database where datname = d)`,
    [Object.values(ROLES), [SHARED_DATABASE, TEMPLATE_DATABASE]],
  );
  return rows;
}

/**
 * `$1` our roles, `$2` the groups tenants may be in. A login named `uc_…` is a tenant's. A database that is closed is one being
 * made: it is read once it is open.
 */
const CLUSTER_SQL = `
select 'not_hardened:public_on_database' as code,
       format('PUBLIC has %s on database %s: revoke all on database %I from public.', string_agg(a.privilege_type, ', '), datname, datname) as detail
  from pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
 where a.grantee = 0 and datallowconn group by datname
union all
select 'not_hardened:stray_grant', format('%s has %s on database %s.', a.grantee::regrole, a.privilege_type, datname)
  from pg_database d, aclexplode(datacl) a
 where (a.grantee::regrole::text ~ '^"?uc_' or a.grantee::regrole::text = any ($2))
   and not (a.privilege_type = 'CONNECT' and (
         datname = '${SHARED_DATABASE}' and a.grantee::regrole::text = '${ROLES.sharedAccess}'
      or datname = regexp_replace(a.grantee::regrole::text, '^uc_(.*?)(__ro)?$', 'ultracore_\\1')
      or datname ~ '^ultracore__stock_' and a.grantee::regrole::text ~ '^uc__stock_'))
union all
select 'not_hardened:stray_grant', format('%s has %s on tablespace %s.',
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, a.privilege_type, spcname)
  from pg_tablespace, aclexplode(spcacl) a where a.grantee = 0 or a.grantee::regrole::text ~ '^"?uc_' or a.grantee::regrole::text = any ($2)
union all
select 'not_hardened:stray_grant', format('%s has %s on parameter %s.',
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, a.privilege_type, parname)
  from pg_parameter_acl, aclexplode(paracl) a where a.grantee = 0 or a.grantee::regrole::text ~ '^"?uc_' or a.grantee::regrole::text = any ($2)
union all
select 'not_hardened:ownership', format('Database %s is owned by %s, not by ${ROLES.owner}.', datname, datdba::regrole)
  from pg_database where datname in ('${SHARED_DATABASE}', '${TEMPLATE_DATABASE}') and datdba <> '${ROLES.owner}'::regrole
union all
select 'not_hardened:role_attribute', format('%s is %s.', rolname, concat_ws(', ',
       case when rolsuper then 'superuser' end, case when rolreplication then 'allowed replication' end,
       case when rolbypassrls then 'above row security' end,
       case when rolname <> '${ROLES.admin}' and rolcreaterole then 'allowed to create roles' end,
       case when rolname <> '${ROLES.admin}' and rolcreatedb then 'allowed to create databases' end,
       case when rolname = any ($1) and rolname <> '${ROLES.admin}' and rolcanlogin then 'allowed to log in' end))
  from pg_roles where (rolname = any ($1) or rolname ~ '^uc_') and (rolsuper or rolreplication or rolbypassrls
    or rolname <> '${ROLES.admin}' and (rolcreaterole or rolcreatedb or rolname = any ($1) and rolcanlogin))
union all
select 'not_hardened:role_attribute', format('${ROLES.admin} is not allowed to %s.', concat_ws(', ',
       case when not rolcanlogin then 'log in' end, case when not rolcreaterole then 'create roles' end,
       case when not rolcreatedb then 'create databases' end))
  from pg_roles where rolname = '${ROLES.admin}' and not (rolcanlogin and rolcreaterole and rolcreatedb)
union all
select 'not_hardened:membership', format('%s is a member of %s.', m.member::regrole, m.roleid::regrole)
  from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles u on u.oid = m.member
 where u.rolname ~ '^uc_' and not (g.rolname = any ($2) and m.inherit_option and not m.set_option and not m.admin_option)
    or g.rolname ~ '^uc_' and u.rolname <> '${ROLES.admin}'
    or u.rolname = any ($1) and u.rolname <> '${ROLES.admin}'
    or g.rolname in ('${ROLES.owner}', '${ROLES.maint}') and u.rolname <> '${ROLES.admin}'
    or g.rolname = any ($2) and u.rolname <> '${ROLES.admin}' and u.rolname !~ '^uc_'
    or g.rolname = '${ROLES.maint}' and m.inherit_option
    or u.rolname = '${ROLES.admin}' and g.rolname !~ '^uc_' and g.rolname <> all ($1) and g.rolname not in ('pg_monitor', 'pg_signal_backend')
union all
select 'not_hardened:membership', format('${ROLES.admin} is not a member of %s as it must be.', g.rolname)
  from pg_roles g where (g.rolname = any ($1) and g.rolname <> '${ROLES.admin}' or g.rolname in ('pg_monitor', 'pg_signal_backend'))
   and not exists (select from pg_auth_members m where m.roleid = g.oid and m.member = '${ROLES.admin}'::regrole
     and case when g.rolname = any ($2) then m.admin_option else m.set_option end)
union all
select 'not_hardened:membership', '${ROLES.admin} may not set temp_file_limit.'
 where not has_parameter_privilege('${ROLES.admin}', 'temp_file_limit', 'set')
union all
select 'not_hardened:prepared_transactions',
       'max_prepared_transactions is not 0: a tenant could hold locks beyond its session, and a purge would never end.'
 where current_setting('max_prepared_transactions')::int > 0
`;

/** Rules of pg_hba.conf that let anybody be any role from another machine. A server that hides its rules is not judged by them. */
async function trustedAddresses(connection: Connection): Promise<Finding[]> {
  try {
    const { rows } = await connection.query<Finding>(
      `select 'not_hardened:trust_authentication' as code,
              format('pg_hba.conf line %s lets %s log in from %s without a password.', line_number, array_to_string(user_name, ','), address) as detail
         from pg_hba_file_rules
        where auth_method = 'trust' and type like 'host%' and address not in ('127.0.0.1', '::1', 'localhost', 'samehost')`,
    );
    return rows;
  } catch (error) {
    if (sqlStateOf(error) === '42501') return [];
    throw error;
  }
}
