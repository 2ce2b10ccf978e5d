import { ProblemError, type ProblemOptions } from '@ultracore/service';
import {
  isPoolError,
  isWireError,
  type PoolError,
  type PoolErrorCode,
  type WireError,
  type WireErrorCode,
} from '@ultracore/tenant-pool';

/** A text of Postgres may repeat a whole value of the caller's. */
const MAX_TEXT = 4000;

const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text);

type Answer = Pick<ProblemOptions, 'status' | 'code' | 'detail' | 'headers'>;

const retryAfter = (seconds: number) => ({ 'retry-after': String(seconds) });

const POOL_ANSWERS = {
  unknown_tenant: { status: 409, code: 'tenant_not_active', detail: 'This tenant is not active any more.' },
  tenant_removed: {
    status: 409,
    code: 'tenant_not_active',
    detail: 'This tenant stopped being active while the request waited or ran. A change that ran may have been made.',
  },
  queue_full: {
    status: 429,
    code: 'queue_full',
    detail: 'Too many requests of this tenant are waiting already.',
    headers: retryAfter(1),
  },
  queue_timeout: {
    status: 503,
    code: 'queue_timeout',
    detail: 'The request waited for a connection until its time was up. Nothing was done.',
    headers: retryAfter(2),
  },
  statement_timeout: {
    status: 504,
    code: 'statement_timeout',
    detail: 'The statement took longer than it may and was cancelled.',
  },
  preempted: {
    status: 503,
    code: 'preempted',
    detail: "It was cancelled: others waited, and what takes long had more than this tenant's share of the server. Try again.",
    headers: retryAfter(5),
  },
  aborted: { status: 499, code: 'aborted', detail: 'The caller went away.' },
  login_failed: {
    status: 503,
    code: 'login_failed',
    detail: "The tenant's database does not take the credentials that this gateway knows. It is waiting for newer ones.",
    headers: retryAfter(5),
  },
  server_unreachable: {
    status: 503,
    code: 'server_unreachable',
    detail: "The tenant's database server cannot be reached.",
    headers: retryAfter(5),
  },
  too_many_connections: {
    status: 503,
    code: 'too_many_connections',
    detail: "The tenant's database takes no more connections at the moment.",
    headers: retryAfter(2),
  },
  closed: { status: 503, code: 'stopping', detail: 'This instance is being stopped. Try again.', headers: retryAfter(1) },
  connection_released: {
    status: 503,
    code: 'connection_lost',
    detail: 'The connection to the database was lost.',
    headers: retryAfter(1),
  },
  transaction_rolled_back: {
    status: 409,
    code: 'transaction_rolled_back',
    detail: 'The transaction was rolled back. Nothing was done.',
  },
  bad_parameter: {
    status: 400,
    code: 'parameter_invalid',
    detail: 'A parameter has a value that has no text form for Postgres.',
  },
  pool_invalid: {
    status: 503,
    code: 'tenant_unreadable',
    detail: 'What is known of this tenant cannot be used.',
    headers: retryAfter(5),
  },
} as const satisfies Record<PoolErrorCode, Answer>;

const make = (answer: Answer, cause: unknown, members: Record<string, string | number> = {}): ProblemError =>
  new ProblemError({ ...answer, members, cause });

/**
 * What a caller is told when its statement did not end well. `reads`: the statement changes nothing, so that one whose outcome is unknown
 * may simply be sent again.
 */
export function toProblemError(error: unknown, { reads }: { reads: boolean }): ProblemError {
  if (error instanceof ProblemError) return error;
  if (isWireError(error)) return fromWire(error, reads);
  if (isPoolError(error)) return fromPool(error, reads);
  return make(
    {
      status: 500,
      code: 'internal',
      detail: 'The request could not be handled because of a fault on our side. Give its request id when you report it.',
    },
    error,
  );
}

const MAY_HAVE_BEEN_DONE: ReadonlySet<PoolErrorCode> = new Set(['statement_timeout', 'preempted']);

function fromPool(error: PoolError, reads: boolean): ProblemError {
  // Without Postgres's own word that it was cancelled.
  if (MAY_HAVE_BEEN_DONE.has(error.code) && !reads && error.cause === undefined) return outcomeUnknown(error);
  return make(POOL_ANSWERS[error.code], error);
}

function fromWire(error: WireError, reads: boolean): ProblemError {
  const answer = WIRE_ANSWERS[error.code];
  if (typeof answer !== 'function') return make(answer, error);
  return answer(error, reads);
}

/** Whether it may have run, and changed something. */
const lost = (error: WireError, reads: boolean): ProblemError =>
  error.started === false || reads ? connectionLost(error) : outcomeUnknown(error);

const WIRE_ANSWERS: Readonly<Record<WireErrorCode, Answer | ((error: WireError, reads: boolean) => ProblemError)>> = {
  postgres: (error) => fromPostgres(error),
  bad_statement: (error) => make({ status: 400, code: 'statement_invalid', detail: clip(error.message) }, error),
  message_too_large: (error, reads) => {
    const problem = make({ status: 422, code: 'value_too_large', detail: clip(error.message) }, error);
    return reads ? problem : discarded(problem);
  },
  connection_lost: lost,
  protocol_violation: lost,
  login_failed: POOL_ANSWERS.login_failed,
  connect_failed: POOL_ANSWERS.server_unreachable,
  connect_timeout: POOL_ANSWERS.server_unreachable,
  tls_refused: POOL_ANSWERS.server_unreachable,
  auth_unsupported: POOL_ANSWERS.server_unreachable,
};

const connectionLost = (cause: unknown): ProblemError =>
  make(
    {
      status: 503,
      code: 'connection_lost',
      detail: 'The connection to the database was lost. Nothing was changed; try again.',
      headers: retryAfter(1),
    },
    cause,
  );

/** Also for a commit that was never answered. */
export const outcomeUnknown = (cause: unknown): ProblemError =>
  make(
    {
      status: 503,
      code: 'outcome_unknown',
      detail:
        'The connection to the database was lost before it answered: the change may have been made. Look before you repeat it.',
      headers: retryAfter(1),
    },
    cause,
  );

/** SQLSTATEs, or their classes, that are not simply a fault of the statement. */
const STATUS_BY_SQLSTATE: ReadonlyMap<string, Partial<Answer>> = new Map<string, Partial<Answer>>([
  ['23', { status: 409 }],
  ['40', { status: 409, headers: retryAfter(1) }],
  ['42501', { status: 403 }],
  ['25006', { status: 403 }],
  ['53', { status: 503, headers: retryAfter(2) }],
  ['57014', { status: 504, code: 'statement_timeout' }],
  ['57', { status: 503, headers: retryAfter(2) }],
  ['58', { status: 503, headers: retryAfter(5) }],
  ['XX', { status: 503, headers: retryAfter(5) }],
]);

function fromPostgres(error: WireError): ProblemError {
  const { sqlstate = '' } = error;
  const special = STATUS_BY_SQLSTATE.get(sqlstate) ?? STATUS_BY_SQLSTATE.get(sqlstate.slice(0, 2));
  return make({ status: 422, code: 'sql_error', detail: clip(error.message), ...special }, error, membersOf(error));
}

function membersOf(error: WireError): Record<string, string | number> {
  const { sqlstate, position, detail, hint, constraint, schema, table, column, dataType } = error;
  const texts = { sqlstate, postgres_detail: detail, hint, constraint, schema, table, column, data_type: dataType };
  const members: Record<string, string | number> = {};
  for (const [name, text] of Object.entries(texts)) if (text !== undefined && text !== '') members[name] = clip(text);
  if (position !== undefined) members['position'] = position;
  return members;
}

export interface Refusal {
  readonly code: string;
  readonly detail: string;
  readonly position?: number | undefined;
}

/** For a text that the statement guard did not let through. What Postgres's grammar refuses is an error of SQL; the rest is forbidden. */
export function fromRefusal({ code, detail, position }: Refusal): ProblemError {
  const at = position === undefined ? {} : { position };
  if (code === 'syntax_error')
    return new ProblemError({ status: 422, code: 'sql_error', detail: clip(detail), members: { sqlstate: '42601', ...at } });
  if (code === 'guard_busy')
    return new ProblemError({ status: 503, code: 'gateway_busy', detail: clip(detail), headers: retryAfter(1) });
  return new ProblemError({ status: 403, code: 'statement_refused', detail: clip(detail), members: { rule: code, ...at } });
}

export const tooLarge = (what: string): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'result_too_large',
    detail: `The result has more than ${what}. Ask for less, or have it streamed with \`accept: application/x-ndjson\`.`,
  });

export const tooManyRows = (rows: number): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'result_too_large',
    detail: `The result has more than the ${rows} rows that were asked for.`,
  });

export const rowTooLarge = (bytes: number): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'value_too_large',
    detail: `A row of the result takes more than the ${bytes} bytes that one may.`,
  });

export const gatewayBusy = (): ProblemError =>
  new ProblemError({
    status: 503,
    code: 'gateway_busy',
    detail: 'This gateway holds as many answers in memory as it may. Try again, or have it streamed.',
    headers: retryAfter(1),
  });

/** Before anything was done. */
export const bodiesBusy = (): ProblemError =>
  new ProblemError({
    status: 503,
    code: 'gateway_busy',
    detail: 'This gateway holds as many long requests in memory as it may. Try again, or send fewer at once.',
    headers: retryAfter(1),
  });

/** The statement was carried out before its result could be given up: the caller must know. */
export function discarded(problem: ProblemError): ProblemError {
  if (problem.code === 'outcome_unknown') return problem;
  return new ProblemError({
    status: 422,
    code: 'result_discarded',
    detail: `The statement was carried out, but its result is not shown: ${problem.detail}`,
    cause: problem,
  });
}
