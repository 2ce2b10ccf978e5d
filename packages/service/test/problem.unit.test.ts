import { expect, it } from 'vitest';
import { ProblemError, toProblem } from '../src/problem.ts';

it('shows the members of its kind of problem, and never in place of those that every problem has', () => {
  const error = new ProblemError({ status: 422, code: 'sql_error', detail: 'no', members: { sqlstate: '42601', status: 200 } });
  expect(toProblem(error, 'r-1')).toMatchObject({ sqlstate: '42601', status: 422, code: 'sql_error', request_id: 'r-1' });
});
