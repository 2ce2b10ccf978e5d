import { describe, expect, it } from 'vitest';
import { toParameter } from '../src/library/parameters.ts';

describe('a parameter', () => {
  it.each([
    [null, null],
    [undefined, null],
    ['it’s', 'it’s'],
    [1.5, '1.5'],
    [12345678901234567890n, '12345678901234567890'],
    [true, 'true'],
    [new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), '2026-01-02T03:04:05.006Z'],
    [new Date('-000043-03-15T00:00:00Z'), '0044-03-15T00:00:00.000Z BC'],
    [new Date('+012026-01-01T00:00:00Z'), '12026-01-01T00:00:00.000Z'],
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [[1, null, 'a"b\\c', [2]], '{"1",NULL,"a\\"b\\\\c",{"2"}}'],
    [[Buffer.from('00ff', 'hex')], '{"\\\\x00ff"}'],
  ])('%o becomes %o', (value, expected) => {
    expect(toParameter(value)).toEqual(expected);
  });

  it('of bytes stays bytes', () => {
    expect(toParameter(Uint8Array.of(0, 255))).toEqual(Buffer.from([0, 255]));
  });

  it.each([[Symbol('x')], [() => 1], [new Date(Number.NaN)]])('that has no text is refused', (value) => {
    expect(() => toParameter(value)).toThrow(expect.objectContaining({ code: 'bad_parameter' }));
  });
});
