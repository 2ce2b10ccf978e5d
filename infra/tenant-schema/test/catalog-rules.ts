/** A rule, and the query (`:home` is the schema) that lists as `fault` what breaks it. */
export const CATALOG_RULES: [string, string][] = [
  [
    'tenant_id is the first column of every table',
    `select c.relname as fault from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum = 1
     where c.relnamespace = :home and c.relkind = 'r' and a.attname <> 'tenant_id'`,
  ],
  [
    'every table has a primary key',
    `select relname as fault from pg_class c where relnamespace = :home and relkind = 'r'
     and not exists (select from pg_index where indrelid = c.oid and indisprimary)`,
  ],
  [
    'every index begins with tenant_id',
    `select i.indexrelid::regclass::text as fault from pg_index i join pg_class c on c.oid = i.indrelid
     left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] where c.relnamespace = :home and a.attname is distinct from 'tenant_id'`,
  ],
  [
    'every foreign key begins with tenant_id on both sides',
    `select k.conname as fault from pg_constraint k join pg_class c on c.oid = k.conrelid
     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1] join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
     where c.relnamespace = :home and k.contype = 'f' and (a.attname <> 'tenant_id' or b.attname <> 'tenant_id')`,
  ],
  [
    'every foreign key has an index to look it up by',
    `select k.conrelid::regclass || ' ' || k.conname as fault from pg_constraint k join pg_class c on c.oid = k.conrelid
     where c.relnamespace = :home and k.contype = 'f' and not exists (select from pg_index i where i.indrelid = k.conrelid
       and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`,
  ],
  [
    'every table, view, domain and function says what it is for',
    `select relname as fault from pg_class c where relnamespace = :home and relkind in ('r', 'v')
     and obj_description(c.oid, 'pg_class') is null
     union all select proname from pg_proc p where pronamespace = :home and obj_description(p.oid, 'pg_proc') is null`,
  ],
  [
    'every table knows when a row was made, and those with updated_at keep it',
    `select c.relname as fault from pg_class c where c.relnamespace = :home and c.relkind = 'r'
     and (not exists (select from pg_attribute where attrelid = c.oid and attname = 'created_at' and atttypid = 'timestamptz'::regtype and attnotnull)
       or exists (select from pg_attribute where attrelid = c.oid and attname = 'updated_at')
          and not exists (select from pg_trigger where tgrelid = c.oid and tgfoid = (:home::text || '.touch_updated_at()')::regprocedure))`,
  ],
  [
    'no column has a type that loses time zone or cents',
    `select c.relname || '.' || a.attname as fault from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = :home and c.relkind = 'r' and a.attnum > 0 and a.atttypid in
       ('timestamp'::regtype, 'time'::regtype, 'real'::regtype, 'double precision'::regtype, 'money'::regtype, 'char'::regtype, 'bpchar'::regtype)`,
  ],
  [
    'every amount has a currency beside it',
    `select c.relname || '.' || a.attname as fault from pg_attribute a join pg_class c on c.oid = a.attrelid
     join pg_type t on t.oid = a.atttypid where c.relnamespace = :home and c.relkind = 'r' and t.typname in ('money_amount', 'security_price')
     and not exists (select from pg_attribute o join pg_type ot on ot.oid = o.atttypid where o.attrelid = c.oid and ot.typname = 'currency_code')`,
  ],
];
