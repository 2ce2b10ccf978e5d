import { describe, expect, test } from 'vitest';
import { DatabaseError, type DatabaseFault } from '../src/database/database-error.ts';
import { fromProblem } from '../src/database/gateway-problem.ts';
import { toProblemError } from '../src/http/problems.ts';
import { fateOf } from '../src/onboarding/fate.ts';

const failing = (fault: DatabaseFault, { code = 'some_code', retryAfterMs }: { code?: string; retryAfterMs?: number } = {}) =>
  new DatabaseError(code, 'some reason', { fault, status: 503, retryAfterMs });
const news = (attempt: number) => ({ attempt, ageMs: 1_000 });
const old = (attempt: number) => ({ attempt, ageMs: 3_600_000 });

describe('a message whose work failed', () => {
  test('is waited out for as long as it takes when nobody is served', () => {
    expect(fateOf(failing('unavailable'), news(1))).toMatchObject({ kind: 'retry_after', ms: 250 });
    expect(fateOf(failing('unavailable'), old(1000))).toMatchObject({ kind: 'retry_after', ms: 30_000 });
  });

  test.for(['busy', 'refused'] as const)('is tried for some minutes and then put aside when its tenant is %s', (fault) => {
    const waits = Array.from({ length: 11 }, (_, index) => fateOf(failing(fault), news(index + 1)));
    expect(waits.every(({ kind }) => kind === 'retry_after')).toBe(true);
    const total = waits.reduce((sum, fate) => sum + (fate.kind === 'retry_after' ? fate.ms : 0), 0);
    expect(total).toBeGreaterThan(120_000);
    expect(fateOf(failing(fault), news(12))).toEqual({ kind: 'dead_letter', reason: 'some_code: some reason' });
  });

  test('of long ago holds up nobody: a tenant that has gone needs nothing, one that is refused is put aside', () => {
    expect(fateOf(failing('refused', { code: 'tenant_not_active' }), old(1))).toEqual({ kind: 'ack' });
    expect(fateOf(failing('refused', { code: 'tenant_not_active' }), news(1))).toMatchObject({ kind: 'retry_after' });
    expect(fateOf(failing('refused', { code: 'tenant_forbidden' }), old(1))).toMatchObject({ kind: 'dead_letter' });
    expect(fateOf(failing('refused', { code: 'tenant_suspended' }), old(1))).toMatchObject({ kind: 'dead_letter' });
  });

  test('is put aside at once when our statement is at fault', () => {
    expect(fateOf(failing('rejected'), news(1))).toMatchObject({ kind: 'dead_letter' });
  });

  test('waits as long as it was told to', () => {
    expect(fateOf(failing('busy', { retryAfterMs: 5000 }), news(1))).toMatchObject({ ms: 5000 });
  });

  test('is a bug, and thrown, when no database said so', () => {
    expect(() => fateOf(new RangeError('on purpose'), news(1))).toThrow(RangeError);
  });
});

describe('a problem of the gateway', () => {
  const problem = (status: number, code: string, extra: object = {}) => ({ status, code, detail: 'as it says', ...extra });

  test.for([
    [503, 'directory_starting', 'unavailable'],
    [503, 'directory_stale', 'unavailable'],
    [503, 'stopping', 'unavailable'],
    [429, 'queue_full', 'busy'],
    [503, 'server_unreachable', 'busy'],
    [504, 'statement_timeout', 'busy'],
    [401, 'token_expired', 'refused'],
    [403, 'tenant_forbidden', 'refused'],
    [404, 'tenant_unknown', 'refused'],
    [409, 'tenant_not_active', 'refused'],
    [422, 'sql_error', 'rejected'],
    [409, 'sql_error', 'rejected'],
    [403, 'statement_refused', 'rejected'],
    [403, 'sql_error', 'refused', '42501'],
  ] as const)('%i %s counts as %s', ([status, code, fault, sqlstate]) => {
    expect(fromProblem(status, problem(status, code, { sqlstate }))).toMatchObject({
      code,
      status,
      fault,
      message: 'as it says',
    });
  });

  test.for([undefined, '<html>', {}])('that is none (%j) came from something before the gateway', (body) => {
    expect(fromProblem(502, body, '7')).toMatchObject({ code: 'gateway_unreachable', fault: 'unavailable', retryAfterMs: 7000 });
  });

  test('is handed on to our own caller, unless it is our own fault', () => {
    expect(toProblemError(fromProblem(403, problem(403, 'tenant_suspended')))).toMatchObject({
      status: 403,
      code: 'tenant_suspended',
    });
    expect(toProblemError(fromProblem(429, problem(429, 'queue_full'), '3'))).toMatchObject({
      status: 429,
      headers: { 'retry-after': '3' },
    });
    expect(toProblemError(fromProblem(409, problem(409, 'sql_error', { sqlstate: '23505' })))).toMatchObject({
      code: 'already_exists',
    });
    expect(toProblemError(fromProblem(422, problem(422, 'sql_error', { sqlstate: '42P01' })))).toBeUndefined();
    expect(toProblemError(new RangeError('on purpose'))).toBeUndefined();
  });
});
