import { ROLES } from '../names.ts';

// What one schema is made of, as rows (kind, parent, name, facts): one query a kind, over the relations, functions and types that
// belong to the schema. `$1` is the schema's name. Every expression is printed by Postgres under the search_path that `describeHome` sets.

/** By pg_depend, which has an index for it: pg_class is read whole, which is long where thousands of homes share a database. */
const MEMBERS = `
home as materialized (select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace where nspname = $1),
member as materialized (
  select distinct d.classid, d.objid from pg_catalog.pg_depend d join home on d.refobjid = home.oid
   where d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0),
rel as materialized (
  select c.* from member m join pg_catalog.pg_class c on c.oid = m.objid where m.classid = 'pg_catalog.pg_class'::regclass),
tab as materialized (select * from rel where relkind in ('r', 'p', 'v', 'm', 'f')),
typ as materialized (
  select t.* from member m join pg_catalog.pg_type t on t.oid = m.objid where m.classid = 'pg_catalog.pg_type'::regclass)`;

/** By the cache of roles: a join would read all roles of the server for each object. */
const nameOf = (oid: string): string => `pg_catalog.pg_get_userbyid(${oid})::text`;

/** Who may do what, one entry a role: `{"rights of uc_acme": "SELECT"}`. An ACL that was never changed counts as what it stands for. */
const rights = (acl: string, kind: string, owner: string, what = 'rights'): string => `coalesce((
  select jsonb_object_agg('${what} of ' || g.who, g.what) from (
    select case a.grantee when 0 then 'PUBLIC' else ${nameOf('a.grantee')} end as who,
           string_agg(a.privilege_type || case when a.is_grantable then ' with grant option' else '' end, ', ' order by a.privilege_type) as what
      from pg_catalog.aclexplode(coalesce(${acl}, pg_catalog.acldefault(${kind}, ${owner}))) a
     where a.grantee <> ${owner} group by 1) g), '{}')`;

/** A column's own rights: null where it has none beside the table's. */
const columnRights = `coalesce((
  select jsonb_object_agg('rights of ' || g.who, g.what) from (
    select case a.grantee when 0 then 'PUBLIC' else ${nameOf('a.grantee')} end as who,
           string_agg(a.privilege_type, ', ' order by a.privilege_type) as what
      from pg_catalog.aclexplode(a.attacl) a group by 1) g), '{}')`;

const yes = (condition: string): string => `case when ${condition} then 'yes' else 'no' end`;

const VALID = '(i.indisvalid and i.indisready and i.indislive)';

/** Later rights are those on what our own role will make: any login may write down some of its own, for any schema, to no effect. */
const SCHEMA = `select 'schema', '', '', jsonb_build_object('owner', ${nameOf('h.nspowner')}) || ${rights('h.nspacl', "'n'", 'h.nspowner')}
    || coalesce((select jsonb_object_agg(format('rights of %s on later %s', w.who, w.kind), w.what) from (
         select case a.grantee when 0 then 'PUBLIC' else ${nameOf('a.grantee')} end as who,
                case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else d.defaclobjtype::text end
                  || ' of ' || ${nameOf('d.defaclrole')} as kind,
                string_agg(a.privilege_type, ', ' order by a.privilege_type) as what
           from pg_catalog.pg_default_acl d, pg_catalog.aclexplode(d.defaclacl) a
          where d.defaclnamespace = h.oid and d.defaclrole = '${ROLES.owner}'::regrole and a.grantee <> d.defaclrole group by 1, 2) w), '{}')
  from home h`;

const RELATION_KIND = `case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end`;

const TABLES = `select ${RELATION_KIND}, '', c.relname::text, jsonb_strip_nulls(jsonb_build_object(
    'owner', ${nameOf('c.relowner')},
    'definition', case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
    'options', (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o),
    'persistence', case c.relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end,
    'row security', case when c.relkind not in ('r', 'p') then null when c.relrowsecurity and c.relforcerowsecurity then 'forced'
                         when c.relrowsecurity then 'enabled' when c.relforcerowsecurity then 'off (forced)' else 'off' end,
    'replica identity', case c.relreplident when 'n' then 'nothing' when 'f' then 'full' when 'i' then 'an index' end,
    'partition key', pg_catalog.pg_get_partkeydef(c.oid),
    'partition bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
    'parents', (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
    'column order', (select string_agg(a.attname, ', ' order by a.attnum) from pg_catalog.pg_attribute a
                      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)))
    || ${rights('c.relacl', "'r'", 'c.relowner')}
  from tab c`;

const COLUMNS = `select 'column', c.relname::text, a.attname::text, jsonb_strip_nulls(jsonb_build_object(
    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'nullable', ${yes('not a.attnotnull')},
    'default', case when a.attgenerated = '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid) end,
    'generated', case when a.attgenerated <> '' then pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        || case a.attgenerated when 's' then ' stored' else ' virtual' end end,
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
    'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end)) || ${columnRights}
  from tab c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum`;

/** Without those for NOT NULL, which columns say, and those of constraint triggers, which triggers say. With their indexes, as far as those are broken. */
const CONSTRAINTS = `select 'constraint', k.parent, k.conname, jsonb_strip_nulls(jsonb_build_object('definition', pg_catalog.pg_get_constraintdef(k.oid),
    'index', (select 'broken' from pg_catalog.pg_index i where i.indexrelid = k.conindid and k.contype in ('p', 'u', 'x') and not ${VALID})))
  from (select k.oid, c.relname::text as parent, k.conname::text, k.contype, k.conindid from tab c join pg_catalog.pg_constraint k on k.conrelid = c.oid
        union all select k.oid, t.typname::text, k.conname::text, k.contype, 0 from typ t join pg_catalog.pg_constraint k on k.contypid = t.oid) k
 where k.contype not in ('n', 't')`;

/** Without those that a constraint brings with it. */
const INDEXES = `select 'index', c.relname::text, x.relname::text, jsonb_strip_nulls(jsonb_build_object(
    'definition', pg_catalog.pg_get_indexdef(x.oid, 0, true), 'options', (select string_agg(o, ', ' order by o) from unnest(x.reloptions) o),
    'valid', ${yes(VALID)}))
  from tab c join pg_catalog.pg_index i on i.indrelid = c.oid join pg_catalog.pg_class x on x.oid = i.indexrelid
 where not exists (select from pg_catalog.pg_constraint k where k.conindid = x.oid and k.conrelid = c.oid and k.contype in ('p', 'u', 'x'))`;

const SEQUENCES = `select 'sequence', '', c.relname::text, jsonb_strip_nulls(jsonb_build_object(
    'owner', ${nameOf('c.relowner')}, 'type', pg_catalog.format_type(s.seqtypid, null), 'start', s.seqstart::text, 'increment', s.seqincrement::text,
    'minimum', s.seqmin::text, 'maximum', s.seqmax::text, 'cache', s.seqcache::text, 'cycle', ${yes('s.seqcycle')},
    'persistence', case c.relpersistence when 'p' then 'permanent' else 'unlogged' end,
    'belongs to', (select d.refobjid::regclass || '.' || a.attname from pg_catalog.pg_depend d
       join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0)))
    || ${rights('c.relacl', "'s'", 'c.relowner')}
  from rel c join pg_catalog.pg_sequence s on s.seqrelid = c.oid`;

const TRIGGERS = `select 'trigger', c.relname::text, t.tgname::text, jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid, true),
    'fires', case t.tgenabled when 'O' then 'yes' when 'D' then 'no' when 'R' then 'on replicas' else 'always' end)
  from tab c join pg_catalog.pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal`;

const POLICIES = `select 'policy', c.relname::text, p.polname::text, jsonb_strip_nulls(jsonb_build_object(
    'kind', case when p.polpermissive then 'permissive' else 'restrictive' end,
    'command', case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
    'roles', (select string_agg(case o when 0 then 'PUBLIC' else ${nameOf('o')} end, ', ' order by 1) from unnest(p.polroles) o),
    'using', pg_catalog.pg_get_expr(p.polqual, c.oid), 'check', pg_catalog.pg_get_expr(p.polwithcheck, c.oid)))
  from tab c join pg_catalog.pg_policy p on p.polrelid = c.oid`;

const RULES = `select 'rule', c.relname::text, r.rulename::text, jsonb_build_object('definition', pg_catalog.pg_get_ruledef(r.oid, true),
    'fires', case r.ev_enabled when 'O' then 'yes' when 'D' then 'no' when 'R' then 'on replicas' else 'always' end)
  from tab c join pg_catalog.pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN'`;

const STATISTICS = `select 'statistics', c.relname::text, s.stxname::text, jsonb_build_object('definition', pg_catalog.pg_get_statisticsobjdef(s.oid))
  from tab c join pg_catalog.pg_statistic_ext s on s.stxrelid = c.oid`;

const FUNCTIONS = `select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, '',
    p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', jsonb_build_object(
    'owner', ${nameOf('p.proowner')}, 'result', pg_catalog.pg_get_function_result(p.oid),
    'definition', case p.prokind when 'a' then (select format('%s %s %s', g.aggtransfn, g.aggfinalfn, g.agginitval) from pg_catalog.pg_aggregate g where g.aggfnoid = p.oid)
                  else pg_catalog.pg_get_functiondef(p.oid) end) || ${rights('p.proacl', "'f'", 'p.proowner')}
  from member m join pg_catalog.pg_proc p on p.oid = m.objid where m.classid = 'pg_catalog.pg_proc'::regclass`;

const TYPES = `select case t.typtype when 'd' then 'domain' else 'type' end, '', t.typname::text, jsonb_strip_nulls(jsonb_build_object(
    'owner', ${nameOf('t.typowner')},
    'definition', case t.typtype
       when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) || case when t.typnotnull then ' not null' else '' end
       when 'e' then (select 'enum ' || string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid)
       when 'c' then (select 'composite ' || string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
                        from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
       when 'r' then (select 'range of ' || pg_catalog.format_type(r.rngsubtype, null) from pg_catalog.pg_range r where r.rngtypid = t.oid)
       else t.typtype::text end,
    'default', t.typdefault,
    'collation', case when t.typcollation <> 0 and t.typcollation <> coalesce(b.typcollation, t.typcollation) then t.typcollation::regcollation::text end))
    || ${rights('t.typacl', "'T'", 't.typowner')}
  from typ t left join pg_catalog.pg_type b on b.oid = t.typbasetype`;

/** Everything that no query above knows (operators, collations, text search …): by what it is and its name. */
const OTHERS = `select i.type, '', i.identity, '{}'::jsonb
  from member m cross join lateral pg_catalog.pg_identify_object(m.classid, m.objid, 0) i
 where m.classid not in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass,
   'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_statistic_ext'::regclass, 'pg_catalog.pg_default_acl'::regclass)
   and i.type is not null`;

const MIGRATIONS = `select 'migration', '', m.version, jsonb_build_object('text', m.checksum) from ultracore.migrations m where m.home = $1`;

const KINDS = [
  SCHEMA,
  TABLES,
  COLUMNS,
  CONSTRAINTS,
  INDEXES,
  SEQUENCES,
  TRIGGERS,
  POLICIES,
  RULES,
  STATISTICS,
  FUNCTIONS,
  TYPES,
  OTHERS,
  MIGRATIONS,
];

/** One statement, hence one snapshot. Rows (kind, parent, name, facts). */
export const CATALOG_SQL = `with ${MEMBERS}
select x.kind, x.parent, x.name, x.facts from (${KINDS.map((sql) => `(${sql})`).join('\nunion all\n')}) x (kind, parent, name, facts)`;
