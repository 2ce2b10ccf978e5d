import { ProblemError } from '@ultracore/service';
import type { TenantConnectionPoolManager, TenantPool } from '@ultracore/tenant-pool';
import type { Access, Directory } from '../access/authorize.ts';
import type { StatementGuard } from '../statement/guard.ts';
import type { StatementContext } from '../statement/rules.ts';
import type { AllowedStatement } from '../statement/verdict.ts';
import { fromRefusal, toProblemError } from './problems.ts';

export interface AdmissionDeps {
  readonly directory: Directory;
  readonly pools: Pick<TenantConnectionPoolManager, 'getPool'>;
  readonly guard: StatementGuard;
  readonly limits: { readonly timeoutMs: number; readonly maxTimeoutMs: number };
}

/** A call that may be run: on this pool, until this time. */
export interface Admitted {
  readonly pool: TenantPool;
  /** `performance.now()` */
  readonly deadline: number;
  readonly verdicts: readonly AllowedStatement[];
}

export interface Wanted {
  readonly texts: readonly string[];
  readonly inTransaction: boolean;
  readonly readonly: boolean | undefined;
  readonly timeoutMs: number | undefined;
}

/** Where a call is run, and for how long, if its statements are such as may be. Throws a `ProblemError`. `began` is `performance.now()`. */
export function admit({ tenant, readonly }: Access, wanted: Wanted, began: number, deps: AdmissionDeps): Admitted {
  const deadline = began + timeoutOf(wanted.timeoutMs, deps.limits);
  const context = { tier: tenant.tier, inTransaction: wanted.inTransaction };
  const verdicts = wanted.texts.map((text, index) => inspect({ text, index, tenantId: tenant.tenantId }, context, deps.guard));
  return { pool: poolOf(tenant.tenantId, readonly || wanted.readonly === true, deps.pools), deadline, verdicts };
}

/**
 * Undefined when the statements can be looked at now; otherwise resolves when they can, or `until` has passed (`performance.now()`). One call stands
 * in line once, however many long texts it has: they are read in turn.
 */
export function prepare(
  texts: readonly string[],
  guard: StatementGuard,
  tenantId: string,
  until: number,
): Promise<void> | undefined {
  for (const text of texts) {
    const first = guard.prepare(text, tenantId);
    if (first !== undefined) return prepareRest(first, { texts, guard, tenantId, until });
  }
  return undefined;
}

interface Unprepared {
  readonly texts: readonly string[];
  readonly guard: StatementGuard;
  readonly tenantId: string;
  readonly until: number;
}

async function prepareRest(first: Promise<void>, { texts, guard, tenantId, until }: Unprepared): Promise<void> {
  await first;
  for (const text of texts) {
    if (performance.now() >= until) return;
    await guard.prepare(text, tenantId);
  }
}

interface Inspected {
  readonly text: string;
  /** Of the statement in its call. */
  readonly index: number;
  readonly tenantId: string;
}

function inspect({ text, index, tenantId }: Inspected, context: StatementContext, guard: StatementGuard): AllowedStatement {
  const verdict = guard.inspect(text, context, tenantId);
  if (verdict.allowed) return verdict;
  throw context.inTransaction ? atStatement(fromRefusal(verdict), index) : fromRefusal(verdict);
}

function poolOf(tenantId: string, readonly: boolean, pools: AdmissionDeps['pools']): TenantPool {
  try {
    return pools.getPool(tenantId, { readonly });
  } catch (error) {
    throw toProblemError(error, { reads: true });
  }
}

function timeoutOf(asked: number | undefined, { timeoutMs, maxTimeoutMs }: AdmissionDeps['limits']): number {
  if (asked === undefined) return timeoutMs;
  if (asked <= maxTimeoutMs) return asked;
  throw new ProblemError({
    status: 400,
    code: 'validation_failed',
    detail: 'The body is not valid: timeout_ms.',
    errors: [{ field: 'timeout_ms', code: 'too_big', detail: `This gateway lets a request run for ${maxTimeoutMs} ms at most.` }],
  });
}

/** The same problem, of one statement of a transaction, counted from 0. */
export function atStatement(error: ProblemError, index: number): ProblemError {
  return new ProblemError({
    status: error.status,
    code: error.code,
    title: error.title,
    detail: error.detail,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    members: { ...error.members, statement: index },
    headers: error.headers,
    cause: error.cause,
  });
}
