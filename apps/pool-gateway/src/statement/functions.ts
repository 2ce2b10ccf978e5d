import catalog from './catalog-functions.json' with { type: 'json' };
import type { RuleName } from './rules.ts';
import { ruleOfQualifiers } from './schemas.ts';

/** What calling a function means: the rule it falls under, if any, and whether it may change something. */
export interface CallFinding {
  readonly rule?: RuleName;
  readonly writes?: boolean;
}

/** Refused by name, wherever the function may come from. */
const REFUSED: readonly (readonly [pattern: RegExp, rule: RuleName])[] = [
  [/^pg_(?:try_)?advisory_xact_/, 'advisory_lock'],
  [/^pg_(?:try_)?advisory_/, 'session_lock'],
  [
    /^(?:lo_(?:close|creat|create|export|from_bytea|get|import|lseek|lseek64|open|put|tell|tell64|truncate|truncate64|unlink)|loread|lowrite)$/,
    'large_object',
  ],
  [/^pg_notify$/, 'notification'],
  [/^(?:(?:query|cursor)_to_xml\w*|ts_stat|crosstab(?:[2-4n]|_hash)?|connectby\w*|xpath_table)$/, 'dynamic_sql'],
  [/^(?:pg_prepared_statement|pg_cursor)$/, 'session_state'],
  [/^set_config$/, 'session_setting'],
  [
    new RegExp(
      '^(?:dblink(?:_|$)|binary_upgrade_|pg_(?:terminate_backend|cancel_backend|reload_conf|rotate_logfile|read_|ls_|stat_file|stat_reset|' +
        'current_logfile|logdir|file_|switch_wal|create_|drop_|copy_|backup_|promote$|wal_(?:replay|summary)_|logical_|replication_|sync_replication|log_|' +
        'import_system|restore_|clear_|stop_making|extension_config|nextoid|hba_|ident_|show_all_file|control_|get_backend_memory|' +
        'get_shmem|get_aios|get_loaded))',
    ),
    'server_administration',
  ],
];

/** Volatile because each call returns something else; they leave nothing on the session that another statement could observe. */
const HARMLESS_VOLATILE: ReadonlySet<string> = new Set([
  'array_sample',
  'array_shuffle',
  'bernoulli',
  'clock_timestamp',
  'current_query',
  'gen_random_uuid',
  'pg_is_in_recovery',
  'random',
  'random_normal',
  'system',
  'timeofday',
  'uuidv4',
  'uuidv7',
]);

/** The same, but they change the database. nextval also sets what currval would return, which is why currval and lastval need a session of their own. */
const HARMLESS_WRITING: ReadonlySet<string> = new Set(['nextval', 'pg_current_xact_id', 'setval', 'txid_current']);

/** Not volatile, yet they run what is only named in a string: views, or the checks of a domain. */
const STABLE_RUNNING_OTHERS: ReadonlySet<string> = new Set([
  'database_to_xml',
  'database_to_xml_and_xmlschema',
  'pg_input_error_info',
  'pg_input_is_valid',
  'schema_to_xml',
  'schema_to_xml_and_xmlschema',
  'table_to_xml',
  'table_to_xml_and_xmlschema',
]);

const STABLE: ReadonlySet<string> = new Set(catalog.stable);
const VOLATILE: ReadonlySet<string> = new Set(catalog.volatile);

/** The rule of `f(…)` by its dotted name and number of arguments. */
export function findingOfCall(names: readonly string[], argumentCount: number): CallFinding {
  const name = names.at(-1) ?? '';
  const refused = refusedName(name, argumentCount);
  if (refused !== undefined) return { rule: refused };
  if (names.length > 1 && names[0] !== 'pg_catalog') {
    if (names.length === 2 && names[0] === 'ultracore' && name === 'current_tenant_id') return {};
    return { rule: ruleOfQualifiers(names) === 'temporary_object' ? 'temporary_object' : 'unknown_function', writes: true };
  }
  if (names.length > 2) return { rule: 'unknown_function', writes: true };
  return findingOfCatalogName(name);
}

/**
 * The rule of `(expression).name`, which is `name(expression)` when the expression has no such field: Postgres runs
 * `(1::bigint).pg_advisory_lock`. A name that nobody knows is most likely a field, but not certainly.
 */
export function findingOfField(name: string): CallFinding {
  const refused = refusedName(name, 1);
  return refused === undefined ? findingOfCatalogName(name) : { rule: refused };
}

/** The rule of `alias.name`: a column, and a call only where the alias is a row. Columns are not to cost a session, so only what is known as volatile counts. */
export function findingOfColumn(name: string): CallFinding {
  const refused = refusedName(name, 1);
  if (refused !== undefined) return { rule: refused };
  return VOLATILE.has(name) || STABLE_RUNNING_OTHERS.has(name) ? findingOfCatalogName(name) : {};
}

function refusedName(name: string, argumentCount: number): RuleName | undefined {
  // The overload with two arguments runs the second as SQL.
  if (name === 'ts_rewrite' && argumentCount === 2) return 'dynamic_sql';
  return REFUSED.find(([pattern]) => pattern.test(name))?.[1];
}

function findingOfCatalogName(name: string): CallFinding {
  if (HARMLESS_VOLATILE.has(name)) return {};
  if (HARMLESS_WRITING.has(name)) return { writes: true };
  if (STABLE_RUNNING_OTHERS.has(name)) return { rule: 'volatile_function', writes: true };
  if (STABLE.has(name)) return {};
  return { rule: VOLATILE.has(name) ? 'volatile_function' : 'unknown_function', writes: true };
}
