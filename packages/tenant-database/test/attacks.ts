import type { Tier } from '@ultracore/contracts';

/** Who the attacker's neighbours are; `secret` is in a row of each that no attack may bring back. */
export interface Targets {
  readonly self: string;
  readonly secret: string;
  /** Small neighbour: its id and the id of its one client. */
  readonly smallTenant: string;
  readonly smallClient: string;
  readonly smallRole: string;
  /** Standard neighbour. */
  readonly standardSchema: string;
  readonly standardRole: string;
  readonly enterpriseDatabase: string;
  /** A backend of a neighbour. */
  readonly victimPid: number;
}

/**
 * A statement that must fail with one of these SQLSTATEs (so that a slip of the pen does not pass for a refusal), or, where
 * there are none, may succeed but must neither return a neighbour's row nor change one.
 */
export interface Attack {
  readonly name: string;
  readonly sql: string;
  readonly refusals: readonly string[];
}

const DENIED = '42501';
/** GRANT without the right to is a warning; what it did is asked for by dividing by it. */
const DIVISION_BY_ZERO = '22012';
const refused = (name: string, sql: string, ...others: string[]): Attack => ({ name, sql, refusals: [DENIED, ...others] });
const blind = (name: string, sql: string): Attack => ({ name, sql, refusals: [] });

/** What no tenant may do in any tier, through either login. */
function everywhere(t: Targets): Attack[] {
  return [
    refused('become a neighbour', `set role ${t.smallRole}`),
    refused('become the owner', 'set role ultracore_owner'),
    refused('become the role that sees all rows', 'set role ultracore_maint'),
    refused('become the admin', 'set role ultracore_admin'),
    refused('become its own group', 'set role ultracore_small'),
    refused('log in again as a neighbour', `set session authorization ${t.standardRole}`),
    refused('log in again as the superuser', 'set session authorization postgres'),
    refused('make itself superuser', `alter role ${t.self} superuser`),
    refused('put itself above row security', `alter role ${t.self} bypassrls`),
    refused('raise its connection limit', `alter role ${t.self} connection limit 1000`),
    refused('change a neighbour’s password', `alter role ${t.smallRole} password 'x'`),
    refused('take a neighbour’s role', `grant ${t.smallRole} to ${t.self}`),
    refused('take a predefined role', `grant pg_read_all_data to ${t.self}`),
    refused('relabel its own role', `comment on role ${t.self} is 'mine'`),
    refused('make a role', 'create role intruder'),
    refused('make a database', 'create database intruder'),
    refused('make a schema', 'create schema intruder'),
    refused('make a table in the migrated schema', 'create table intruder ()'),
    refused('make a table in public', 'create table public.intruder ()'),
    refused('make a table in the support schema', 'create table ultracore.intruder ()'),
    refused('make a temporary table', 'create temporary table intruder ()'),
    refused('make a temporary view', 'create temporary view intruder as select 1'),
    refused('make a temporary function', 'create function pg_temp.intruder() returns int language sql return 1'),
    refused('make a large object', 'select lo_create(0)'),
    refused('write a large object', `select lo_from_bytea(0, 'x')`),
    refused('install an extension', 'create extension dblink'),
    refused('make an event trigger', 'create event trigger e on ddl_command_start execute function current_tenant_id()'),
    refused('make a publication', 'create publication p for all tables'),
    refused('make a subscription', `create subscription s connection '' publication p`),
    refused('make a foreign server', 'create foreign data wrapper f'),
    refused('change a table of ours', 'alter table clients add column x int'),
    refused('drop a table of ours', 'drop table reports'),
    refused('empty a table of ours', 'truncate compliance_case_notes'),
    refused('index a table of ours', 'create index on clients (email)'),
    refused('hang a trigger on a table of ours', 'create trigger x before insert on clients execute function touch_updated_at()'),
    refused('hang a rule on a table of ours', 'create rule x as on insert to clients do nothing'),
    refused('hang a policy on a table of ours', 'create policy x on clients using (true)'),
    refused('switch row security off for a table', 'alter table clients disable row level security'),
    refused(
      'grant away a table of ours',
      `grant select on clients to public; select 1 / has_table_privilege('public', 'clients'::regclass, 'select')::int`,
      DIVISION_BY_ZERO,
    ),
    refused(
      'replace the function that says who it is',
      'create or replace function ultracore.current_tenant_id() returns text language sql return 1',
    ),
    refused('run the maintenance of row security', `call ultracore.protect('app')`, '42883'),
    refused('run the purge', `select * from ultracore.purge_rows('app', '${t.smallTenant}')`, '42883'),
    refused('read the bookkeeping of migrations', 'select * from ultracore.migrations'),
    refused('write the bookkeeping of homes', `insert into ultracore.homes values ('x')`),
    refused('read password hashes', 'select * from pg_authid'),
    refused('read raw statistics', 'select * from pg_statistic'),
    refused('read other tenants’ sessions', 'select * from pg_stat_activity'),
    refused('read locks', 'select * from pg_locks'),
    refused('read counters of databases', 'select * from pg_stat_database'),
    refused('read counters of the server', 'select * from pg_stat_io'),
    refused('read the control file', 'select * from pg_control_system()'),
    refused('read the last checkpoint', 'select * from pg_control_checkpoint()'),
    refused('read who committed last', 'select * from pg_last_committed_xact()'),
    refused('read the size of everything', `select pg_tablespace_size('pg_default')`),
    refused('read replication slots', 'select * from pg_replication_slots'),
    refused('ask who blocks a neighbour', `select pg_blocking_pids(${t.victimPid})`),
    refused('write into the log stream', `select pg_logical_emit_message(true, 'x', 'y')`),
    refused('end a neighbour’s session', `select pg_terminate_backend(${t.victimPid})`),
    refused('cancel a neighbour’s query', `select pg_cancel_backend(${t.victimPid})`),
    refused('read a file of the server', `select pg_read_file('/etc/passwd')`),
    refused('list files of the server', `select pg_ls_dir('.')`),
    refused('run a program', `copy (select 1) to program 'cat'`),
    refused('read through a program', `copy clients (family_name) from program 'id'`),
    refused('write a file of the server', `copy (select 1) to '/tmp/intruder'`),
    refused('load a library', `load '/tmp/intruder.so'`),
    refused('change the server', `alter system set work_mem = '1GB'`),
    refused('reload the server', 'select pg_reload_conf()'),
    refused('change its database', `alter database ultracore_shared set work_mem = '1GB'`),
    refused('raise its temporary disk', `set temp_file_limit = -1`),
    refused('switch constraints and triggers off', 'set session_replication_role = replica'),
    refused('prepare a transaction that outlives it', `begin; prepare transaction 'x'`, '55000'),
    blind(
      'find a neighbour in column statistics',
      `select * from pg_stats where schemaname not in ('pg_catalog', 'information_schema')`,
    ),
  ];
}

/** What else no tenant of the shared database may do. */
function inSharedDatabase(t: Targets): Attack[] {
  return [
    refused('read a standard neighbour', `select * from ${t.standardSchema}.clients`),
    refused('write a standard neighbour', `insert into ${t.standardSchema}.clients (kind, family_name) values ('person', 'x')`),
    refused('call a neighbour’s function', `select ${t.standardSchema}.is_isin('x')`),
    refused('find a neighbour over the search path', `set search_path = ${t.standardSchema}; select * from clients`, '42P01'),
    refused('run a block of code', 'do $$ begin null; end $$'),
    refused('make a function', 'create function intruder() returns int language sql return 1'),
    refused('take an advisory lock', 'select pg_advisory_lock(1)'),
    refused('try an advisory lock', 'select pg_try_advisory_xact_lock(1, 2)'),
    refused('send a notification by function', `select pg_notify('x', 'y')`),
    refused('measure a neighbour’s table', `select pg_total_relation_size('app.clients'::regclass)`),
    refused('measure the database', 'select pg_database_size(current_database())'),
    refused('count a neighbour’s changes', 'select * from pg_stat_all_tables'),
    refused('find a neighbour’s file', `select pg_relation_filepath('app.clients'::regclass)`),
    blind('see itself as another by a setting', `set ultracore.tenant = '${t.smallTenant}'; select * from clients`),
    blind('dump its schema as XML', `select schema_to_xml(current_schema(), true, false, '')`),
    blind('dump the database as XML', `select query_to_xml('select * from clients', true, false, '')`),
    blind(
      'read ahead of a filter by an error',
      `select 1 from clients where 1 / (case when family_name = '${t.secret}' then 0 else 1 end) > 0`,
    ),
    blind('read by a cast error', `select family_name::integer from clients where family_name = '${t.secret}'`),
    blind('read with a cursor', 'begin; declare c cursor for select * from clients; fetch all from c; commit'),
    blind('read the plan', 'explain (analyze, verbose) select * from clients'),
    blind(
      'lose its identity in a definer view of the catalog',
      `select * from information_schema.tables where table_schema = '${t.standardSchema}'`,
    ),
  ];
}

/** What no small tenant may do to those it shares tables with. */
function inSmallTier(t: Targets): Attack[] {
  return [
    refused(
      'insert a row of a neighbour',
      `insert into clients (tenant_id, kind, family_name) values ('${t.smallTenant}', 'person', 'x')`,
    ),
    refused('hand a row to a neighbour', `update clients set tenant_id = '${t.smallTenant}'`),
    refused(
      'hang a row on a neighbour’s',
      `insert into client_relationships (client_id, related_client_id, kind)
       select id, '${t.smallClient}', 'spouse' from clients where family_name = 'Own'`,
      '23503',
    ),
    refused('read with row security off', 'set row_security = off; select * from clients'),
    refused('insert in bulk past row security', 'copy clients from stdin', '0A000'),
    blind('read a neighbour by id', `select * from clients where tenant_id = '${t.smallTenant}'`),
    blind('read every row', 'select * from clients'),
    blind('read through a view', 'select * from clients_due_for_review'),
    blind('read a neighbour by key', `select * from clients where tenant_id = '${t.smallTenant}' and id = '${t.smallClient}'`),
    blind('update a neighbour', `update clients set family_name = 'gone' where tenant_id = '${t.smallTenant}'`),
    blind('delete a neighbour', `delete from clients where tenant_id = '${t.smallTenant}'`),
    blind('delete and return', `delete from clients where id = '${t.smallClient}' returning *`),
    blind(
      'overwrite a neighbour’s key',
      `insert into clients (id, kind, family_name) values ('${t.smallClient}', 'person', 'Own')
       on conflict (tenant_id, id) do update set family_name = 'gone'`,
    ),
    blind(
      'merge over a neighbour',
      `merge into clients c using (select '${t.smallClient}'::uuid as id) s on c.id = s.id
       when matched then update set family_name = 'gone'`,
    ),
  ];
}

/** Writes that a read-only login must not do even in its own home, whatever it sets first. */
const READ_ONLY: readonly Attack[] = [
  refused('insert', `insert into clients (kind, family_name) values ('person', 'x')`),
  refused('update', `update clients set family_name = 'x'`),
  refused('delete', 'delete from clients'),
  refused('merge', `merge into clients c using clients s on c.id = s.id when matched then delete`),
  refused('lock rows', 'select * from clients for update'),
  refused('lock a table', 'begin; lock table clients in share mode'),
  refused('write through a view', `update clients_due_for_review set relationship_manager = 'x'`),
  refused(
    'write after saying it may',
    `set default_transaction_read_only = off; insert into clients (kind, family_name) values ('person', 'x')`,
  ),
  refused('become the login that writes', 'set role none; set role to default; delete from clients'),
  refused('make something in schema own', 'create table own.intruder ()', '3F000'),
];

/** What an enterprise tenant, which may create in `own`, may not do with that. */
const ENTERPRISE: readonly Attack[] = [
  refused('make a table in app', 'create table app.intruder ()'),
  refused('drop its own schema', 'drop schema own cascade'),
  refused('rename its own schema', 'alter schema own rename to mine'),
  refused('own a table of ours', 'alter table app.clients owner to current_user'),
  refused(
    'point a foreign key at a table of ours',
    'create table own.f (t text, c uuid, foreign key (t, c) references app.clients (tenant_id, id))',
  ),
  refused('inherit from a table of ours', 'create table own.i () inherits (app.clients)'),
  refused('make a partition of a table of ours', 'alter table app.clients attach partition own.x default'),
  refused('make an untrusted function', `create function own.c() returns int language c as '/tmp/x', 'y'`),
  refused('make an internal function', `create function own.c() returns int language internal as 'pg_terminate_backend'`),
  refused('cast for everybody', 'create cast (text as int) with inout'),
  refused(
    'make an operator where ours are found',
    'create operator public.=== (leftarg = int, rightarg = int, function = int4eq)',
  ),
];

export function attacksOf(tier: Tier, kind: 'read-write' | 'read-only', targets: Targets): Attack[] {
  return [
    ...everywhere(targets),
    ...(tier === 'enterprise' ? ENTERPRISE : inSharedDatabase(targets)),
    ...(tier === 'small' ? inSmallTier(targets) : []),
    ...(kind === 'read-only' ? READ_ONLY : []),
  ];
}

/** Databases that no tenant's login may enter but its own. */
export const CLOSED_DATABASES = ['postgres', 'template0', 'template1', 'ultracore__template'] as const;
