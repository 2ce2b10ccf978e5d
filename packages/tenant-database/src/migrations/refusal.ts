import { sqlStateOf } from '@ultracore/postgres';

/**
 * Classes of SQLSTATE that are about the server, or about the form of a statement: their messages and details quote no row. Every class
 * that is in neither list (data, constraints, what a migration raises itself) may, and in what small tenants share those of any tenant.
 */
const ABOUT_THE_SERVER: ReadonlySet<string> = new Set(['08', '21', '25', '40', '53', '54', '55', '57', '58', 'XX']);
/** Those that quote names from the statement: of a migration's own text, unless it was run by a function or put together from rows (`where`). */
const ABOUT_NAMES: ReadonlySet<string> = new Set(['0A', '2B', '3D', '3F', '42']);

/** Names of Appendix A of the PostgreSQL manual, of what migrations meet most. */
const CONDITIONS: ReadonlyMap<string, string> = new Map([
  ['22001', 'string_data_right_truncation'],
  ['22003', 'numeric_value_out_of_range'],
  ['22004', 'null_value_not_allowed'],
  ['22007', 'invalid_datetime_format'],
  ['22008', 'datetime_field_overflow'],
  ['22012', 'division_by_zero'],
  ['22023', 'invalid_parameter_value'],
  ['22P02', 'invalid_text_representation'],
  ['23001', 'restrict_violation'],
  ['23502', 'not_null_violation'],
  ['23503', 'foreign_key_violation'],
  ['23505', 'unique_violation'],
  ['23514', 'check_violation'],
  ['23P01', 'exclusion_violation'],
  ['44000', 'with_check_option_violation'],
  ['55P03', 'lock_not_available'],
  ['57014', 'query_canceled'],
  ['P0001', 'raise_exception'],
  ['P0004', 'assert_failure'],
]);

/** What the fields of an error name: never a value. */
const FIELDS = ['schema', 'table', 'column', 'dataType', 'constraint'] as const;

/**
 * What Postgres refused a migration with, without a value of any row: its own words where these can have none, else the condition and
 * the objects concerned.
 */
export function tellRefusal(error: unknown): string {
  const state = sqlStateOf(error);
  if (!(error instanceof Error) || state === undefined) return describe(error);
  const group = state.slice(0, 2);
  if (ABOUT_THE_SERVER.has(group) || (ABOUT_NAMES.has(group) && fieldOf(error, 'where') === undefined)) return describe(error);
  const concerned = FIELDS.flatMap((name) => {
    const field = fieldOf(error, name);
    return field === undefined ? [] : [`${name === 'dataType' ? 'type' : name} ${field}`];
  });
  const what = [CONDITIONS.get(state) ?? `an error of class ${group}`, ...concerned].join(', ');
  return `${what}; what else Postgres says of it may quote rows and is in its own log`;
}

/** The error to be kept as the cause: the same SQLSTATE, and only what may be told. */
export function refusalWithoutValues(error: unknown): unknown {
  const code = sqlStateOf(error);
  return code === undefined ? error : Object.assign(new Error(tellRefusal(error)), { code });
}

/** Whether an error may quote values of rows because of what it is, wherever it was raised. */
export const isAboutRows = (error: unknown): boolean => {
  const state = sqlStateOf(error);
  return state !== undefined && /^(?:22|23|44|P0)/.test(state);
};

/** An error of Postgres in one line, with its detail: for those that are known to be about objects. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const detail = fieldOf(error, 'detail');
  return detail === undefined ? error.message : `${error.message}: ${detail}`;
}

function fieldOf(error: Error, name: string): string | undefined {
  const field: unknown = Reflect.get(error, name);
  return typeof field === 'string' && field !== '' ? field : undefined;
}
