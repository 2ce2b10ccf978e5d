/** How every table of ours begins. */
export const KEY = 'tenant_id text not null default ultracore.current_tenant_id(), id int not null';

export const table = (name: string) => `create table ${name} (${KEY}, primary key (tenant_id, id));`;

/** What tenants could not be kept apart in: what it is, the migration that makes it, and the words it is refused with. */
export const UNSAFE_SCHEMAS: [string, string, RegExp][] = [
  ['a table without tenant_id', 'create table x (id int primary key)', /app\.x has no column "tenant_id/],
  [
    'a tenant_id that may be null',
    'create table x (tenant_id text default ultracore.current_tenant_id(), id int)',
    /app\.x has no column "tenant_id text not null"/,
  ],
  ['a tenant_id without the default', 'create table x (tenant_id text not null, id int)', /has no default/],
  ['a primary key not led by tenant_id', `create table x (${KEY}, primary key (id, tenant_id))`, /unique key app\.x_pkey/],
  ['a unique key without tenant_id', `create table x (${KEY}, unique (id))`, /unique key app\.x_id_key/],
  ['a unique index on an expression', `create table x (${KEY}); create unique index i on x ((id + 1))`, /unique key app\.i/],
  ['a foreign key across tenants', `create table x (${KEY}, client uuid references clients (id))`, /no unique constraint/],
  [
    'a foreign key that leads elsewhere',
    `create table x (${KEY}, o text, c uuid, foreign key (o, c) references clients (tenant_id, id))`,
    /foreign key/,
  ],
  ['an exclusion constraint', `create table x (${KEY}, r int4range, exclude using gist (r with &&))`, /exclusion/],
  ['a materialized view', 'create materialized view x as select 1 as one', /materialized view/],
  ['a view with its owner’s rights', 'create view x as select * from clients', /not security_invoker/],
  [
    'a definer function without search_path',
    'create function x() returns int language sql security definer return 1',
    /SECURITY DEFINER/,
  ],
  ['a sequence shared by all', `create table x (${KEY}, n serial)`, /sequence app\.x_n_seq/],
  ['a rule', `${table('x')} create rule r as on delete to x do instead nothing`, /rule r/],
  ['a policy of its own', `${table('x')} create policy p on x using (true)`, /policy p/],
];
