import { POOL_ERROR_CODES, PoolError, WireError } from '@ultracore/tenant-pool';
import { describe, expect, test } from 'vitest';
import { discarded, fromRefusal, toProblemError, tooManyRows } from '../../src/query/problems.ts';

const postgres = (sqlstate: string, more: object = {}) =>
  new WireError('postgres', 'what Postgres said', { postgres: { sqlstate, severity: 'ERROR', ...more } });
const answer = (error: unknown, reads = false) => {
  const { status, code } = toProblemError(error, { reads });
  return `${status} ${code}`;
};

describe('an error of Postgres', () => {
  test.each([
    ['42703', '422 sql_error'],
    ['22012', '422 sql_error'],
    ['23505', '409 sql_error'],
    ['40001', '409 sql_error'],
    ['42501', '403 sql_error'],
    ['25006', '403 sql_error'],
    ['53200', '503 sql_error'],
    ['57014', '504 statement_timeout'],
    ['57P03', '503 sql_error'],
    ['XX000', '503 sql_error'],
  ])('with SQLSTATE %s is %s', (sqlstate, told) => {
    expect(answer(postgres(sqlstate))).toBe(told);
  });

  test('is passed on with all that helps its author, and clipped', () => {
    const error = postgres('23505', {
      position: 7,
      detail: `Key (id)=(${'x'.repeat(10_000)})`,
      hint: 'another',
      constraint: 'pk',
      table: 't',
      column: undefined,
    });
    const { detail, members } = toProblemError(error, { reads: false });
    expect(detail).toBe('what Postgres said');
    expect(members).toMatchObject({ sqlstate: '23505', position: 7, hint: 'another', constraint: 'pk', table: 't' });
    expect(String(members['postgres_detail']).length).toBeLessThan(5_000);
    expect(members).not.toHaveProperty('column');
  });
});

describe('a lost connection', () => {
  const lost = (started: boolean) => new WireError('connection_lost', 'gone', { started });

  test('may have changed something only if the statement had begun, and does not only read', () => {
    expect([answer(lost(true), false), answer(lost(true), true), answer(lost(false), false)]).toEqual([
      '503 outcome_unknown',
      '503 connection_lost',
      '503 connection_lost',
    ]);
  });

  test('is as good as a time-out that Postgres never confirmed', () => {
    const confirmed = new PoolError('statement_timeout', 'late', { cause: postgres('57014') });
    const silent = new PoolError('statement_timeout', 'late');
    expect([answer(confirmed), answer(silent), answer(silent, true)]).toEqual([
      '504 statement_timeout',
      '503 outcome_unknown',
      '504 statement_timeout',
    ]);
  });

  test('is as good as a cancel for others that Postgres never confirmed', () => {
    const confirmed = new PoolError('preempted', 'for others', { cause: postgres('57014') });
    const silent = new PoolError('preempted', 'for others');
    expect([answer(confirmed), answer(silent), answer(silent, true)]).toEqual([
      '503 preempted',
      '503 outcome_unknown',
      '503 preempted',
    ]);
  });
});

describe('every refusal of the pools', () => {
  test.each(POOL_ERROR_CODES)('%s has an answer, and one that may be tried again says when', (code) => {
    const { status, headers, detail } = toProblemError(new PoolError(code, 'inside'), { reads: true });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(detail).not.toContain('inside');
    if (status === 429 || status === 503) expect(headers['retry-after']).toMatch(/^\d+$/);
  });
});

test('what nobody foresaw is a fault of ours, and says nothing of the inside', () => {
  const { status, code, detail } = toProblemError(new TypeError('undefined is not a function'), { reads: true });
  expect({ status, code }).toEqual({ status: 500, code: 'internal' });
  expect(detail).not.toContain('undefined');
});

test('a refusal of the statement guard is forbidden, but for what is no SQL, or has to wait', () => {
  const told = (code: string) => {
    const { status, code: name, members } = fromRefusal({ code, detail: 'why', position: 3 });
    return { status, name, ...members };
  };
  expect(told('lock_table')).toEqual({ status: 403, name: 'statement_refused', rule: 'lock_table', position: 3 });
  expect(told('syntax_error')).toEqual({ status: 422, name: 'sql_error', sqlstate: '42601', position: 3 });
  expect(told('guard_busy')).toEqual({ status: 503, name: 'gateway_busy' });
});

test('a result that is given up after its statement was carried out says so', () => {
  expect(discarded(tooManyRows(3))).toMatchObject({ code: 'result_discarded', detail: expect.stringContaining('3 rows') });
});
