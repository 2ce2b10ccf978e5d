import { isHiddenSql, UNSAFE_EXTENSIONS } from '../bootstrap/hardening.ts';
import { CURRENT_TENANT_ID, schemaFaultsSql, TENANT_ROWS_EXPRESSION } from '../bootstrap/support.ts';
import { type Connection, lastRows } from '../client.ts';
import { APP_SCHEMA, OWN_SCHEMA, ROLES } from '../names.ts';
import type { Finding } from './finding.ts';

/**
 * Reads back the hardening of the database it is connected to: an enterprise home, or (`shared`) the shared database with its
 * row security. Reads catalogs only, nothing that belongs to a tenant. Empty = fit.
 */
export async function verifyDatabase(connection: Connection, options: { shared: boolean }): Promise<Finding[]> {
  const { rows: support } = await connection.query<{ exists: boolean }>(
    `select to_regprocedure('ultracore.current_tenant_id()') is not null and to_regclass('ultracore.migrations') is not null
        and ($1 = false or to_regnamespace('${APP_SCHEMA}') is not null and to_regprocedure('ultracore.protect(regnamespace)') is not null) as exists`,
    [options.shared],
  );
  if (support[0]?.exists !== true) {
    return [{ code: 'not_bootstrapped', detail: 'The database lacks the support schema "ultracore": run the bootstrap again.' }];
  }
  const parts = [COMMON_SQL, catalogFunctionsSql(options.shared), ...(options.shared ? [SHARED_SQL, smallSchemaSql()] : [])];
  try {
    const result = await connection.query<Finding>(
      `begin; set local search_path = pg_catalog, pg_temp; ${EXPECTED_FUNCTION}; ${parts.join('\nunion all\n')}`,
    );
    return lastRows(result);
  } finally {
    await connection.query('rollback');
  }
}

/**
 * The function as it must be, to compare parsed bodies: the text that Postgres prints depends on its version, two functions
 * of one text in one server do not differ.
 */
const EXPECTED_FUNCTION = `create function pg_temp.expected_tenant_id() ${CURRENT_TENANT_ID}`;

const OURS = `(n.nspname in ('ultracore', '${APP_SCHEMA}', '${OWN_SCHEMA}') or n.nspname ~ '^tenant_')`;
/** A tenant role that has rights in this schema without being the tenant of it. */
const STRANGER = `(current_database() = 'ultracore_shared' and a.grantee <> 0 and a.grantee::regrole::text ~ '^"?uc_'
   and regexp_replace(a.grantee::regrole::text, '^uc_(.*?)(__ro)?$', 'tenant_\\1') <> n.nspname)`;

/** A tenant's login or a group of them; and, of these, one that may only read. */
const OF_TENANTS = `(a.grantee <> 0 and (a.grantee::regrole::text ~ '^"?uc_'
   or a.grantee::regrole::text in ('${ROLES.sharedAccess}', '${ROLES.small}', '${ROLES.smallReadOnly}')))`;
const ONLY_READS = `(a.grantee::regrole::text ~ '__ro"?$' or a.grantee::regrole::text in ('${ROLES.sharedAccess}', '${ROLES.smallReadOnly}'))`;

const WHO = `case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end`;

/** What PUBLIC may do with new functions and types by Postgres's own default; an entry that repeats it opens nothing. */
const BUILT_IN_DEFAULT = `(d.defaclnamespace = 0 and d.defaclobjtype in ('f', 'T'))`;

const COMMON_SQL = `
select 'not_hardened:public_on_schema' as code, format('PUBLIC has %s on schema %s.', a.privilege_type, n.nspname) as detail
  from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
 where a.grantee = 0 and (n.nspname = 'public' or ${OURS}) and not (n.nspname = 'ultracore' and a.privilege_type = 'USAGE')
union all
select 'not_hardened:public_on_relation', format('PUBLIC has %s on %s.', a.privilege_type, c.oid::regclass)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
 where a.grantee = 0 and ${OURS} and n.nspname <> '${OWN_SCHEMA}'
union all
select 'not_hardened:stray_grant', format('%s has %s on schema %s.', a.grantee::regrole, a.privilege_type, n.nspname)
  from pg_namespace n, aclexplode(n.nspacl) a
 where ${OURS} and (${STRANGER} or ${OF_TENANTS} and a.privilege_type = 'CREATE' and n.nspname <> '${OWN_SCHEMA}')
union all
select 'not_hardened:stray_grant', format('%s may look into schema %s, which no bootstrap made, and read or change what is in it.',
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, n.nspname)
  from pg_namespace n, aclexplode(n.nspacl) a
 where not ${OURS} and n.nspname !~ '^pg_' and n.nspname not in ('public', 'information_schema') and (a.grantee = 0 or ${OF_TENANTS})
   and exists (select from pg_class c, aclexplode(c.relacl) b where c.relnamespace = n.oid and b.grantee in (0, a.grantee))
union all
select 'not_hardened:stray_grant', format('%s has %s on %s.', a.grantee::regrole, a.privilege_type, c.oid::regclass)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a where ${OURS} and ${STRANGER}
union all
select 'not_hardened:stray_grant', format('%s may read the bookkeeping %s.', a.grantee::regrole, c.oid::regclass)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
 where n.nspname = 'ultracore' and a.grantee <> 0 and (a.grantee::regrole::text ~ '^"?uc_'
    or a.grantee::regrole::text in ('${ROLES.sharedAccess}', '${ROLES.small}', '${ROLES.smallReadOnly}'))
union all
select 'not_hardened:stray_grant', format('%s has %s on %s, which no login needs (TRUNCATE passes row security by).',
       a.grantee::regrole, a.privilege_type, c.oid::regclass)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
 where ${OURS} and n.nspname <> '${OWN_SCHEMA}' and c.relkind <> 'S' and ${OF_TENANTS}
   and (a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or ${ONLY_READS} and a.privilege_type <> 'SELECT')
union all
select 'not_hardened:stray_grant', format('%s has %s on column %I of %s.',
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, a.privilege_type, t.attname, c.oid::regclass)
  from pg_attribute t join pg_class c on c.oid = t.attrelid join pg_namespace n on n.oid = c.relnamespace, aclexplode(t.attacl) a
 where t.attacl is not null and ${OURS} and n.nspname <> '${OWN_SCHEMA}'
   and (a.grantee = 0 or ${STRANGER} or ${OF_TENANTS} and (n.nspname = 'ultracore' or ${ONLY_READS} and a.privilege_type <> 'SELECT'))
union all
select 'not_hardened:stray_grant', format('%s may execute %s.', ${WHO}, p.oid::regprocedure)
  from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 where p.pronamespace = 'ultracore'::regnamespace and p.oid <> 'ultracore.current_tenant_id()'::regprocedure and (a.grantee = 0 or ${OF_TENANTS})
union all
select 'not_hardened:stray_grant', format('%s has %s on foreign data wrapper %s.', ${WHO}, a.privilege_type, w.fdwname)
  from pg_foreign_data_wrapper w, aclexplode(w.fdwacl) a where a.grantee = 0 or ${OF_TENANTS}
union all
select 'not_hardened:stray_grant', format('%s has %s on foreign server %s.', ${WHO}, a.privilege_type, s.srvname)
  from pg_foreign_server s, aclexplode(s.srvacl) a where a.grantee = 0 or ${OF_TENANTS}
union all
select 'not_hardened:stray_grant', format('%s will have %s on what ${ROLES.owner} makes in %s.', ${WHO}, a.privilege_type,
       coalesce('schema ' || n.nspname, 'any schema'))
  from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
 where d.defaclrole = '${ROLES.owner}'::regrole
   and (a.grantee = 0 and not ${BUILT_IN_DEFAULT} or n.oid is null and ${OF_TENANTS} or ${STRANGER})
union all
select 'not_hardened:ownership', format('Schema %s is owned by %s, not by ${ROLES.owner}.', n.nspname, n.nspowner::regrole)
  from pg_namespace n where ${OURS} and n.nspowner <> '${ROLES.owner}'::regrole
union all
select 'not_hardened:ownership', format('%s is owned by %s, not by ${ROLES.owner}.', c.oid::regclass, c.relowner::regrole)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where ${OURS} and n.nspname <> '${OWN_SCHEMA}' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relowner <> '${ROLES.owner}'::regrole
union all
select 'not_hardened:extension', format('Extension %s reaches beyond a tenant''s own data.', extname)
  from pg_extension where extname in (${UNSAFE_EXTENSIONS.map((name) => `'${name}'`).join(', ')})
union all
select 'not_hardened:language', format('Language %s runs code outside the database''s rights and PUBLIC may use it.', lanname)
  from pg_language, aclexplode(coalesce(lanacl, acldefault('l', lanowner))) a
 where not lanpltrusted and lanispl and a.grantee = 0
union all
select 'not_hardened:current_tenant_id', 'ultracore.current_tenant_id() is not the function the bootstrap makes.'
  from pg_proc p where p.oid = 'ultracore.current_tenant_id()'::regprocedure
   and (p.prosecdef or p.proowner <> '${ROLES.owner}'::regrole or p.proconfig is not null
     or pg_get_function_sqlbody(p.oid) is distinct from pg_get_function_sqlbody('pg_temp.expected_tenant_id()'::regprocedure))
`;

/** Anybody but the owner, monitors and predefined roles with EXECUTE on a hidden function: PUBLIC, a tenant, a group of tenants. */
function catalogFunctionsSql(shared: boolean): string {
  return `select 'not_hardened:catalog_function' as code,
       format('%s may execute %s.', case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, p.oid::regprocedure) as detail
  from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 where ${isHiddenSql(shared)} and a.privilege_type = 'EXECUTE' and (a.grantee = 0 or a.grantee::regrole::text ~ '^"?uc_'
    or a.grantee::regrole::text in ('${ROLES.sharedAccess}', '${ROLES.small}', '${ROLES.smallReadOnly}'))`;
}

const SHARED_SQL = `
select 'not_hardened:language' as code, format('PUBLIC may use language %s in the shared database.', lanname) as detail
  from pg_language, aclexplode(coalesce(lanacl, acldefault('l', lanowner))) a where a.grantee = 0 and lanpltrusted
union all
select 'not_hardened:row_security', format('Row security is not %s on %s.',
       case when c.relrowsecurity then 'forced' else 'enabled' end, c.oid::regclass)
  from pg_class c where c.relnamespace = '${APP_SCHEMA}'::regnamespace and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
union all
select 'not_hardened:policy', format('%s has not the policy %s as it must be.', c.oid::regclass, want.name)
  from pg_class c cross join (values
    ('tenant_rows', '{0}'::oid[], '${TENANT_ROWS_EXPRESSION}'), ('maintenance', array['${ROLES.maint}'::regrole::oid], 'true')) want (name, roles, condition)
 where c.relnamespace = '${APP_SCHEMA}'::regnamespace and c.relkind in ('r', 'p') and not exists (
   select from pg_policy p where p.polrelid = c.oid and p.polname = want.name and p.polpermissive and p.polcmd = '*' and p.polroles = want.roles
      and pg_get_expr(p.polqual, c.oid) = want.condition and pg_get_expr(p.polwithcheck, c.oid) = want.condition)
`;

function smallSchemaSql(): string {
  return `select 'not_hardened:schema_fault' as code, f.fault || '.' as detail from (${schemaFaultsSql(`'${APP_SCHEMA}'::regnamespace`)}) f`;
}
