import { ROLES } from '../names.ts';

/** Statistics of the tables and functions of one's own database: an enterprise tenant keeps these. */
const OWN_DATABASE_STATISTICS =
  '^pg_stat_get_(xact_|numscans$|tuples_|live_tuples$|dead_tuples$|mod_since_analyze$|ins_since_vacuum$|blocks_|last_|lastscan$|' +
  '(auto)?(vacuum|analyze)_count$|(total_)?(auto)?(vacuum|analyze)_time$|function_|snapshot_timestamp$)';

const HIDDEN_EVERYWHERE = [
  'pg_available_wal_summaries',
  'pg_blocking_pids',
  'pg_current_wal_flush_lsn',
  'pg_current_wal_insert_lsn',
  'pg_current_wal_lsn',
  'pg_get_replication_slots',
  'pg_get_wal_summarizer_state',
  'pg_isolation_test_session_is_blocked',
  'pg_last_committed_xact',
  'pg_lock_status',
  'pg_logical_emit_message',
  'pg_prepared_xact',
  'pg_safe_snapshot_blocking_pids',
  'pg_show_replication_origin_status',
  'pg_stat_have_stats',
  'pg_tablespace_size',
];

const HIDDEN_IN_SHARED = [
  'pg_database_size',
  'pg_filenode_relation',
  'pg_indexes_size',
  'pg_notify',
  'pg_relation_filenode',
  'pg_relation_filepath',
  'pg_relation_size',
  'pg_table_size',
  'pg_total_relation_size',
];

const oneOf = (names: readonly string[]): string => `(${names.map((name) => `'${name}'`).join(', ')})`;

/**
 * Which functions of pg_catalog (alias `p` of pg_proc) no tenant may call. Everywhere: who is connected and what they lock,
 * counters of the server and of other databases (whatever a later version adds under `pg_stat_get_` included), large objects
 * (they have no tenant, and a read-only login could make them). In the shared database also sizes and row counters of
 * neighbours, advisory locks (one key space a database) and pg_notify.
 *
 * Views over them (pg_stat_activity, pg_locks, …) need no revoke: a view's functions are checked against the caller. Catalog
 * tables and pg_get_*def stay readable; pg_dump, information_schema and drivers need them.
 */
export function isHiddenSql(shared: boolean): string {
  const everywhere = `p.proname ~ '^pg_stat_get_' and p.proname !~ '${OWN_DATABASE_STATISTICS}'
    or p.proname ~ '^(lo_|loread$|lowrite$|pg_control_)' or p.proname in ${oneOf(HIDDEN_EVERYWHERE)}`;
  const inShared = `p.proname ~ '^pg_stat_get_' or p.proname ~ 'advisory_' or p.proname in ${oneOf(HIDDEN_IN_SHARED)}`;
  return `(p.pronamespace = 'pg_catalog'::regnamespace and (${everywhere}${shared ? ` or ${inShared}` : ''}))`;
}

/** Extensions through which a tenant could read files, other servers or other sessions. */
export const UNSAFE_EXTENSIONS: readonly string[] = [
  'adminpack',
  'dblink',
  'file_fdw',
  'lo',
  'pageinspect',
  'pg_buffercache',
  'pg_freespacemap',
  'pg_visibility',
  'pg_walinspect',
  'pgrowlocks',
  'pgstattuple',
  'postgres_fdw',
];

/**
 * Takes from PUBLIC what a home must not have, in the database the superuser is connected to. Safe to run again; catalog
 * privileges live in each database, and clones of a template have them, so the template carries them to every new home.
 */
export function hardenSql(shared: boolean): string {
  return `
revoke all on schema public from public;
do $harden$
declare
  o record;
begin
  for o in select p.oid::regprocedure as f from pg_proc p
            where ${isHiddenSql(shared)} and has_function_privilege('public', p.oid, 'execute') loop
    execute format('revoke all on routine %s from public', o.f);
    execute format('grant execute on routine %s to pg_monitor, ${ROLES.owner}', o.f);
  end loop;
  ${shared ? LANGUAGES : ''}
end $harden$;
`;
}

/** No DO blocks and no functions of a tenant's own where tenants live side by side; running ours needs no USAGE. */
const LANGUAGES = `for o in select lanname from pg_language where lanpltrusted loop
    execute format('revoke all on language %I from public', o.lanname);
    execute format('grant usage on language %I to ${ROLES.owner}', o.lanname);
  end loop;`;
