import { expect, it } from 'vitest';
import { sentenceOf } from '../src/errors.ts';

it('says why a host with several addresses could not be reached, which Node puts only into the errors beneath', () => {
  const beneath = [new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')];
  expect(sentenceOf(new AggregateError(beneath))).toBe('connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432');
});

it('never says nothing', () => {
  expect(sentenceOf(new TypeError(''))).toBe('TypeError');
  expect(sentenceOf(new Error('the reason'))).toBe('the reason');
  expect(sentenceOf('text')).toBe('text');
});
