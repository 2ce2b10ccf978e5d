import { z } from 'zod';
import { DatabaseError, type DatabaseFault } from './database-error.ts';

const problemSchema = z.object({
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  sqlstate: z.string().optional(),
});

/** Of the gateway itself, or on the way to it: what holds for every tenant. */
const EVERYONES = new Set(['directory_starting', 'directory_stale', 'gateway_busy', 'stopping', 'keys_unavailable', 'internal']);

/** SQLSTATEs of a login that may not: `insufficient_privilege`, `read_only_sql_transaction`. */
export const isDenied = (sqlstate: string | undefined): boolean => sqlstate === '42501' || sqlstate === '25006';

const faultOf = (status: number, code: string, sqlstate: string | undefined): DatabaseFault => {
  if (EVERYONES.has(code)) return 'unavailable';
  if (status === 429 || status >= 500) return 'busy';
  if (status === 401 || code.startsWith('tenant_') || isDenied(sqlstate)) return 'refused';
  return 'rejected';
};

/** An answer of the gateway that is a problem; one that is none came from something before it, such as a proxy. */
export const fromProblem = (status: number, body: unknown, retryAfter: string | null = null): DatabaseError => {
  const seconds = Number(retryAfter ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    return new DatabaseError('gateway_unreachable', `The pool-gateway answered ${status} and no problem.`, {
      fault: 'unavailable',
      status: 503,
      retryAfterMs,
    });
  }
  const { code, detail, sqlstate } = parsed.data;
  return new DatabaseError(code, detail, { fault: faultOf(status, code, sqlstate), status, retryAfterMs, sqlstate });
};

export const unreachable = (cause: unknown): DatabaseError =>
  new DatabaseError('gateway_unreachable', 'The pool-gateway cannot be reached.', { fault: 'unavailable', status: 503, cause });
