import { APP_SCHEMA, ROLES } from '../names.ts';

/**
 * The tenant from the login alone, so there is nothing a tenant can write to become another: no table, no setting. NULL (no
 * rows; a NOT NULL violation on insert) when SET ROLE or a definer function made the current user another than the one who
 * logged in. The body is parsed when the function is created, so no search_path changes its meaning.
 */
export const CURRENT_TENANT_ID = `returns text language sql stable parallel safe
  return case when session_user = current_user and left(session_user, 3) = 'uc_'
              then replace(case when right(session_user, 4) = '__ro' then substr(left(session_user, -4), 4)
                                else substr(session_user, 4) end, '_', '-') end`;

/**
 * What every home has in schema `ultracore`, made by and owned by `ultracore_owner`. Safe to run again.
 *
 * The bookkeeping of migrations is not readable by tenants. `homes` has one row a home, whose row lock is what serialises
 * migrations of that home: an advisory lock would be one that an enterprise tenant can take in its own database.
 */
export const SUPPORT_SQL = `
create schema if not exists ultracore;
grant usage on schema ultracore to public;
create or replace function ultracore.current_tenant_id() ${CURRENT_TENANT_ID};
comment on function ultracore.current_tenant_id() is 'The tenant of the login; NULL for anybody else.';
create table if not exists ultracore.homes (
  home text primary key,
  created_at timestamptz not null default now()
);
create table if not exists ultracore.migrations (
  home text not null references ultracore.homes on delete cascade,
  version text not null,
  name text not null,
  checksum text not null,
  tables_created integer not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (home, version)
);
revoke all on ultracore.homes, ultracore.migrations from public;
`;

/** The condition of the policy `tenant_rows`: a tenant's own rows. */
export const TENANT_ROWS = '(tenant_id = (select ultracore.current_tenant_id()))';

/**
 * What Postgres prints for the condition of the policy `tenant_rows`, under an empty search_path. One text for versions 16
 * to 18; `protect` replaces a policy that reads otherwise and the verification reports it.
 */
export const TENANT_ROWS_EXPRESSION = '(tenant_id = ( SELECT ultracore.current_tenant_id() AS current_tenant_id))';

/** A relation option as Postgres stores it, in any of its spellings of "true". */
const SECURITY_INVOKER = `coalesce(array_to_string(c.reloptions, ',') ~* '(^|,)security_invoker=(true|on|yes|1)(,|$)', false)`;

/**
 * The faults of a schema that small tenants are to share, one sentence each; `%HOME%` is the schema's oid. Everything that
 * row security does not hold: keys across tenants, relations without policies, code that runs as somebody else.
 */
const SCHEMA_FAULTS = `
select format('table %s has no column "tenant_id text not null"', c.oid::regclass) as fault
  from pg_class c where c.relnamespace = %HOME% and c.relkind in ('r', 'p') and not exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.atttypid = 'text'::regtype
       and a.attnotnull and not a.attisdropped)
union all
select format('column tenant_id of %s has no default ultracore.current_tenant_id()', c.oid::regclass)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace = %HOME% and c.relkind in ('r', 'p')
   and pg_get_expr(d.adbin, d.adrelid) is distinct from 'ultracore.current_tenant_id()'
union all
select format('unique key %s does not begin with tenant_id', i.indexrelid::regclass)
  from pg_index i join pg_class c on c.oid = i.indrelid
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
 where c.relnamespace = %HOME% and i.indisunique and a.attname is distinct from 'tenant_id'
union all
select format('foreign key %s of %s does not lead from tenant_id to tenant_id in this schema', k.conname, k.conrelid::regclass)
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
  left join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  left join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
 where c.relnamespace = %HOME% and k.contype = 'f' and (f.relnamespace <> c.relnamespace
    or a.attname is distinct from 'tenant_id' or b.attname is distinct from 'tenant_id')
union all
select format('%s has exclusion constraint %s: its conflicts would show rows of other tenants', k.conrelid::regclass, k.conname)
  from pg_constraint k join pg_class c on c.oid = k.conrelid where c.relnamespace = %HOME% and k.contype = 'x'
union all
select format('%s is a %s, which has no row security', c.oid::regclass,
              case c.relkind when 'm' then 'materialized view' else 'foreign table' end)
  from pg_class c where c.relnamespace = %HOME% and c.relkind in ('m', 'f')
union all
select format('view %s is not security_invoker', c.oid::regclass)
  from pg_class c where c.relnamespace = %HOME% and c.relkind = 'v' and not ${SECURITY_INVOKER}
union all
select format('sequence %s belongs to no identity column; its values count every tenant''s rows', c.oid::regclass)
  from pg_class c where c.relnamespace = %HOME% and c.relkind = 'S' and not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i')
union all
select format('rule %s of %s runs with its owner''s rights', r.rulename, c.oid::regclass)
  from pg_rewrite r join pg_class c on c.oid = r.ev_class where c.relnamespace = %HOME% and r.rulename <> '_RETURN'
union all
select format('function %s is SECURITY DEFINER without SET search_path', p.oid::regprocedure)
  from pg_proc p where p.pronamespace = %HOME% and p.prosecdef
   and not coalesce(array_to_string(p.proconfig, ' ') ~ '(^| )search_path=', false)
union all
select format('policy %s of %s is not one that row security of the small tier is made of', p.polname, c.oid::regclass)
  from pg_policy p join pg_class c on c.oid = p.polrelid
 where c.relnamespace = %HOME% and p.polname not in ('tenant_rows', 'maintenance')
union all
select format('%s is not owned by ${ROLES.owner}', c.oid::regclass)
  from pg_class c where c.relnamespace = %HOME% and c.relkind in ('r', 'p', 'v', 'S') and c.relowner <> '${ROLES.owner}'::regrole
union all
select format('function %s is not owned by ${ROLES.owner}', p.oid::regprocedure)
  from pg_proc p where p.pronamespace = %HOME% and p.proowner <> '${ROLES.owner}'::regrole`;

/** The same list of faults as a query over a named schema; rows (fault text). */
export function schemaFaultsSql(schemaOid: string): string {
  return SCHEMA_FAULTS.replaceAll('%HOME%', schemaOid);
}

/** Who may use a schema that small tenants share; `schema` is in no need of quotes. */
export function sharedSchemaRights(schema: string): string[] {
  return [
    `revoke all on schema ${schema} from public`,
    `grant usage on schema ${schema} to ${ROLES.small}, ${ROLES.smallReadOnly}, ${ROLES.maint}`,
  ];
}

/**
 * What only the shared database has: the schema of the small tier, and the procedures that keep its tenants apart.
 *
 * `protect` refuses (SQLSTATE UC001, one line a fault in the detail) what row security cannot hold; then it enables and forces
 * row security, sets the two policies and grants the groups their rights. Run it in the transaction of every migration.
 *
 * `purge_rows` deletes one tenant's rows, children before parents. It runs as its caller: only `ultracore_maint` sees rows of
 * every tenant, and it refuses to report "none" from tables in which it could not have seen any.
 */
export const SHARED_SUPPORT_SQL = `
create schema if not exists ${APP_SCHEMA};
${sharedSchemaRights(APP_SCHEMA).join(';\n')};
create or replace procedure ultracore.protect(home regnamespace) language plpgsql set search_path = pg_catalog, pg_temp as $protect$
declare
  faults text;
  t record;
begin
  select string_agg(f.fault, e'\\n' order by f.fault) into faults from (${SCHEMA_FAULTS.replaceAll('%HOME%', 'home')}) f;
  if faults is not null then
    raise exception using errcode = 'UC001', message = 'tenants cannot share this schema', detail = faults;
  end if;
  for t in
    select c.oid::regclass as name, c.relrowsecurity, c.relforcerowsecurity, r.polname is not null as has_rows, m.polname is not null as has_maint,
           coalesce(r.polpermissive and r.polcmd = '*' and r.polroles = '{0}'
             and pg_get_expr(r.polqual, c.oid) = '${TENANT_ROWS_EXPRESSION}'
             and pg_get_expr(r.polwithcheck, c.oid) = '${TENANT_ROWS_EXPRESSION}', false) as rows_right,
           coalesce(m.polpermissive and m.polcmd = '*' and m.polroles = array['${ROLES.maint}'::regrole::oid]
             and pg_get_expr(m.polqual, c.oid) = 'true' and pg_get_expr(m.polwithcheck, c.oid) = 'true', false) as maint_right
      from pg_class c
      left join pg_policy r on r.polrelid = c.oid and r.polname = 'tenant_rows'
      left join pg_policy m on m.polrelid = c.oid and m.polname = 'maintenance'
     where c.relnamespace = home and c.relkind in ('r', 'p') order by c.relname
  loop
    if not (t.relrowsecurity and t.relforcerowsecurity) then
      execute format('alter table %s enable row level security, force row level security', t.name);
    end if;
    if not t.rows_right then
      if t.has_rows then execute format('drop policy tenant_rows on %s', t.name); end if;
      execute format('create policy tenant_rows on %s to public using ${TENANT_ROWS} with check ${TENANT_ROWS}', t.name);
    end if;
    if not t.maint_right then
      if t.has_maint then execute format('drop policy maintenance on %s', t.name); end if;
      execute format('create policy maintenance on %s to ${ROLES.maint} using (true) with check (true)', t.name);
    end if;
    execute format('revoke all on %s from public', t.name);
    execute format('grant select, insert, update, delete on %s to ${ROLES.small}, ${ROLES.maint}', t.name);
    execute format('grant select on %s to ${ROLES.smallReadOnly}', t.name);
  end loop;
  for t in select c.oid::regclass as name from pg_class c where c.relnamespace = home and c.relkind = 'v' order by c.relname loop
    execute format('revoke all on %s from public', t.name);
    execute format('grant select, insert, update, delete on %s to ${ROLES.small}', t.name);
    execute format('grant select on %s to ${ROLES.smallReadOnly}, ${ROLES.maint}', t.name);
  end loop;
end $protect$;
revoke all on procedure ultracore.protect(regnamespace) from public;

create or replace function ultracore.purge_rows(home regnamespace, tenant text) returns table (table_name text, removed bigint)
  language plpgsql set search_path = pg_catalog, pg_temp as $purge$
declare
  todo regclass[];
  later regclass[];
  t regclass;
  blind text;
  remaining bigint;
begin
  if current_user <> '${ROLES.maint}' then
    raise exception using errcode = '42501', message = 'rows of a tenant are purged as ${ROLES.maint}';
  end if;
  select string_agg(c.relname, ', ') into blind from pg_class c
   where c.relnamespace = home and c.relkind in ('r', 'p') and not exists (
     select from pg_policy p where p.polrelid = c.oid and p.polname = 'maintenance' and p.polpermissive and p.polcmd = '*'
        and p.polroles = array['${ROLES.maint}'::regrole::oid] and pg_get_expr(p.polqual, c.oid) = 'true');
  if blind is not null then
    raise exception using errcode = 'UC001', message = 'rows cannot be seen for want of the maintenance policy', detail = blind;
  end if;
  select array_agg(c.oid::regclass order by c.relname) into todo from pg_class c
   where c.relnamespace = home and c.relkind in ('r', 'p') and not c.relispartition;
  -- Counted before anything goes: what a foreign key deletes with its parent would otherwise be missing from the record.
  foreach t in array coalesce(todo, '{}') loop
    table_name := (select c.relname from pg_class c where c.oid = t);
    execute format('select count(*) from %s where tenant_id = $1', t) using tenant into removed;
    return next;
  end loop;
  while cardinality(todo) > 0 loop
    later := '{}';
    foreach t in array todo loop
      begin
        execute format('delete from %s where tenant_id = $1', t) using tenant;
      exception when foreign_key_violation then
        later := later || t;
      end;
    end loop;
    if later = todo then
      raise exception using errcode = 'UC001', message = 'foreign keys form a cycle', detail = later::text;
    end if;
    todo := later;
  end loop;
  for t in select c.oid from pg_class c where c.relnamespace = home and c.relkind in ('r', 'p') and not c.relispartition loop
    execute format('select count(*) from %s where tenant_id = $1', t) using tenant into remaining;
    if remaining > 0 then
      raise exception using errcode = 'UC001', message = format('%s rows of the tenant are left in %s', remaining, t);
    end if;
  end loop;
end $purge$;
revoke all on function ultracore.purge_rows(regnamespace, text) from public;
grant execute on function ultracore.purge_rows(regnamespace, text) to ${ROLES.maint};
grant usage on schema ultracore to ${ROLES.maint};
`;
