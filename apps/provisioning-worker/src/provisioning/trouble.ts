/**
 * What kind of trouble an error is:
 * - `server`: this Postgres server cannot be used now; says nothing about the tenant. Its work waits until the server is back.
 * - `passing`: the same step, repeated, is likely to succeed. Repeated for as long as it takes.
 * - `lasting`: repeating changes nothing. The creation fails.
 * - `unclear`: repeated a limited number of times, then lasting.
 */
export type TroubleKind = 'server' | 'passing' | 'lasting' | 'unclear';

export interface Trouble {
  readonly kind: TroubleKind;
  /** A stable word for machines: our own code, or `pg_<sqlstate>`. */
  readonly code: string;
  /** For people, as the error put it: to be redacted before it is stored or told. */
  readonly reason: string;
}

const NO_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What is said, without a code, when a connection broke or could not be had in time. */
const CONNECTION_TEXTS = [
  'Connection terminated',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
  'Query read timeout',
  'The answer is lost',
  'Client was closed and is not queryable',
];

/** Classes and codes of Appendix A of the PostgreSQL manual that say nothing about the statement. */
const SERVER_STATES = [/^08/, /^28/, /^57P0[1-3]$/, /^58/];
const PASSING_STATES = [/^53/, /^40/, /^55006$/, /^55P03$/];

/** Raised by Postgres with an internal error's code when two sessions changed one catalog row. */
const CONCURRENT_CATALOG_CHANGE = /tuple concurrently (?:updated|deleted)/;

const LONGEST_REASON = 500;

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const clip = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON - 1).toWellFormed()}…` : line;
};

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && !NO_CONNECTION.has(code);

/** Judges an error of Postgres or of the network. `as` is the code for what carries none of its own. */
export const troubleOf = (error: unknown, as = 'unexpected'): Trouble => {
  const code = codeOf(error);
  const message = messageOf(error);
  const reason = clip(message) || 'no reason given';
  if (code !== undefined && NO_CONNECTION.has(code)) return { kind: 'server', code: 'server_unreachable', reason };
  if (code === undefined || !isSqlState(code)) {
    if (CONNECTION_TEXTS.some((text) => message.includes(text))) return { kind: 'server', code: 'server_unreachable', reason };
    return { kind: 'unclear', code: code === undefined ? as : slugOf(code), reason };
  }
  return { kind: kindOfSqlState(code, message), code: `pg_${code.toLowerCase()}`, reason };
};

const kindOfSqlState = (state: string, message: string): TroubleKind => {
  if (SERVER_STATES.some((pattern) => pattern.test(state))) return 'server';
  if (PASSING_STATES.some((pattern) => pattern.test(state))) return 'passing';
  return CONCURRENT_CATALOG_CHANGE.test(message) ? 'passing' : 'unclear';
};

const slugOf = (code: string): string => {
  const slug = code.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  return /^[a-z]/.test(slug) ? slug.slice(0, 64) : `e_${slug}`.slice(0, 64);
};
