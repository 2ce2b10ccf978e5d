import type { Home, HomeNames } from '../src/index.ts';
import { type Connect, homeNames, withConnection } from '../src/index.ts';

/** Everything the catalogs of a home's database say of the home and its logins, a line each, without its names and ids. */
export async function catalogOf(connect: Connect, home: Home): Promise<string[]> {
  const names = homeNames(home.tenantId, home.tier);
  const schemas = home.tier === 'enterprise' ? ['app', 'own', 'ultracore', 'public'] : [names.schema];
  const bookkeeping = home.tier === 'enterprise' ? 'app' : names.schema;
  const lines = await withConnection(connect, names.database, async (database) => {
    const { rows } = await database.query<{ line: string }>(CATALOG, [
      [names.role, names.readonlyRole],
      names.database,
      schemas,
      bookkeeping,
    ]);
    return rows.map(({ line }) => line);
  });
  return lines.map((line) => nameless(line, home, names)).toSorted();
}

function nameless(line: string, home: Home, names: HomeNames): string {
  const nouns: [string, string][] = [
    [names.readonlyRole, '<ro>'],
    [names.role, '<rw>'],
    ...(home.tier === 'enterprise' ? [[names.database, '<database>'] as [string, string]] : []),
    ...(home.tier === 'standard' ? [[names.schema, '<schema>'] as [string, string]] : []),
    [home.tenantId, '<tenant>'],
    [home.requestId, '<request>'],
  ];
  return nouns.reduce((text, [name, noun]) => text.replaceAll(name, noun), line);
}

/** `$1` the logins, `$2` the database, `$3` the schemas, `$4` the key of the migrations' bookkeeping. */
const CATALOG = `
with role as (select * from pg_roles where rolname = any ($1)),
     space as (select * from pg_namespace where nspname = any ($3)),
     class as (select c.* from pg_class c join space s on s.oid = c.relnamespace)
select 'role ' || row(rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
                      rolvaliduntil, rolconfig, shobj_description(oid, 'pg_authid'))::text as line from role
union all select 'setting ' || row(r.rolname, d.datname, s.setconfig)::text
  from pg_db_role_setting s join role r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
union all select 'member ' || row(m.roleid::regrole, m.member::regrole, m.grantor::regrole, m.admin_option, m.inherit_option, m.set_option)::text
  from pg_auth_members m where m.roleid in (select oid from role) or m.member in (select oid from role)
union all select 'database ' || row(datname, datdba::regrole, encoding, datlocprovider, datistemplate, datallowconn, datconnlimit, datcollate, datctype,
                      datacl, shobj_description(oid, 'pg_database'))::text
  from pg_database where datname = $2 and $2 <> 'ultracore_shared'
union all select 'schema ' || row(nspname, nspowner::regrole, nspacl, obj_description(oid, 'pg_namespace'))::text from space
union all select 'relation ' || row(oid::regclass, relkind, relowner::regrole, relacl, reloptions, relrowsecurity, relforcerowsecurity, relpersistence)::text
  from class
union all select 'column ' || row(c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attacl,
                      pg_get_expr(d.adbin, d.adrelid))::text
  from class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
union all select 'constraint ' || row(conrelid::regclass, conname, pg_get_constraintdef(oid))::text
  from pg_constraint where connamespace in (select oid from space)
union all select 'index ' || pg_get_indexdef(indexrelid) from pg_index where indrelid in (select oid from class)
union all select 'view ' || row(oid::regclass, pg_get_viewdef(oid))::text from class where relkind in ('v', 'm')
union all select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where tgrelid in (select oid from class) and not tgisinternal
union all select 'policy ' || row(polrelid::regclass, polname, polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid))::text
  from pg_policy where polrelid in (select oid from class)
union all select 'function ' || row(oid::regprocedure, proowner::regrole, proacl, prosecdef, proconfig, md5(coalesce(prosrc, '')))::text
  from pg_proc where pronamespace in (select oid from space)
union all select 'default ' || row(defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl)::text
  from pg_default_acl where defaclnamespace in (select oid from space) or defaclrole in (select oid from role)
union all select 'depends ' || row(d.datname, s.classid::regclass, s.deptype, s.refobjid::regrole, count(*))::text
  from pg_shdepend s join role r on r.oid = s.refobjid left join pg_database d on d.oid = s.dbid
 where s.refclassid = 'pg_authid'::regclass group by d.datname, s.classid, s.deptype, s.refobjid
union all select 'home ' || home from ultracore.homes where home = $4
union all select 'migration ' || row(home, version, name, checksum, tables_created)::text from ultracore.migrations where home = $4`;
