import { describe, expect, it } from 'vitest';
import { needsTypes, toParameters } from '../../src/result/parameters.ts';

const JSONB = 3802;
const TEXT_ARRAY = 1009;

describe('parameters', () => {
  it('are sent as Postgres reads them', () => {
    expect(toParameters([null, 'a', '', 1, -1.5, 1e-7, 0.1, true, false, { a: [1, 'x'] }])).toEqual([
      null,
      'a',
      '',
      '1',
      '-1.5',
      '1e-7',
      '0.1',
      'true',
      'false',
      '{"a":[1,"x"]}',
    ]);
  });

  it('that are lists are arrays, or JSON where the parameter is JSON', () => {
    const list = [1, null, 'NULL', 'a"b\\c', [true], { a: 1 }];
    expect(toParameters([list], [TEXT_ARRAY])).toEqual(['{"1",NULL,"NULL","a\\"b\\\\c",{"true"},"{\\"a\\":1}"}']);
    expect(toParameters([list], [JSONB])).toEqual([JSON.stringify(list)]);
    expect(toParameters([list, []])).toEqual([toParameters([list], [TEXT_ARRAY])[0], '{}']);
  });

  it('need the types of the statement’s parameters only for lists', () => {
    expect(needsTypes([1, 'a', null, { a: [] }])).toBe(false);
    expect(needsTypes([1, []])).toBe(true);
  });

  it('that Postgres cannot hold are refused with their place', () => {
    const refusal = (index: number) =>
      expect.objectContaining({ code: 'parameter_invalid', errors: [expect.objectContaining({ field: `params[${index}]` })] });
    expect(() => toParameters(['a', 'b\0'])).toThrow(refusal(1));
    expect(() => toParameters([['b\0']])).toThrow(refusal(0));
    expect(() => toParameters(['\ud800'])).toThrow(refusal(0));
    expect(() => toParameters([2 ** 53])).toThrow(refusal(0));
    expect(() => toParameters([[1e300]])).toThrow(refusal(0));
    expect(() => toParameters([undefined])).toThrow(refusal(0));
    expect(() => toParameters([[undefined]])).toThrow(refusal(0));
  });
});
