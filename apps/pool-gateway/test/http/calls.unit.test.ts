import { ProblemError } from '@ultracore/service';
import { expect, test } from 'vitest';
import { createCalls } from '../../src/inbound/http/calls.ts';

const requested = { asked: { principal: { subject: 'ann', roles: [] }, tenantHeader: undefined }, drop: () => {} };
const run = { abort: () => {}, resume: () => {} };

test('a run is taken away once, whichever comes first and however often it is asked', () => {
  const calls = createCalls();
  const followed = [1, 2, 3, 4].map(() => calls.add(run, requested));
  for (const index of [1, 1, 3, 0, 3, 1]) {
    const each = followed[index];
    if (each !== undefined) calls.remove(each);
  }
  expect(calls.underWay).toBe(1);
  const [, , last] = followed;
  if (last !== undefined) calls.remove(last);
  expect(calls.underWay).toBe(0);
});

test('all are ended, also when the end of one takes away others', () => {
  const calls = createCalls();
  const ended: number[] = [];
  const followed = [0, 1, 2].map((index) =>
    calls.add(
      {
        abort() {
          ended.push(index);
          for (const each of followed) calls.remove(each);
        },
        resume: () => {},
      },
      requested,
    ),
  );
  calls.endWhere(() => new ProblemError({ status: 403, code: 'over', detail: 'Over.' }));
  expect(ended).toEqual([0, 1, 2]);
  expect(calls.underWay).toBe(0);
});

test('what is followed only after a stop has begun is ended all the same', async () => {
  const calls = createCalls();
  await calls.drain(0);
  const code = await new Promise<string>((resolve) => {
    calls.add({ abort: (problem) => resolve(problem.code), resume: () => {} }, requested);
  });
  expect(code).toBe('stopping');
});
