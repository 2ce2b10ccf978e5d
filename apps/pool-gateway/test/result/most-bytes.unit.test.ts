import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';
import { createRowEncoder } from '../../src/result/encoder.ts';
import { dataRow, fieldsOf } from './rows.ts';

const TEXT = 25;
const TEXTS = 1009;
const BOOLS = 1000;
const TIMES = 1185;

function encoded(oid: number, value: string): { most: number; bytes: number } {
  const encoder = createRowEncoder(fieldsOf({ a: oid }), { rowMode: 'array' });
  const row = dataRow([value]);
  const out = createByteBuffer();
  encoder.encode(out, row, 0, row.length);
  return { most: encoder.mostBytes(row, 0, row.length), bytes: out.length };
}

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
// Longer than what gets room for the worst at once.
const long = (unit: fc.Arbitrary<string>) => fc.array(unit, { minLength: 3000, maxLength: 6000 });
const piece = fc.oneof(fc.constantFrom('\u0001', '\n', '"', '\\', ',', '{', '}', 'é', 'f'), fc.string({ maxLength: 4 }));

describe('what a row takes as JSON', () => {
  test.each([
    ['texts', TEXT, long(piece).map((pieces) => pieces.join('').replaceAll('\0', ' '))],
    ['lists of texts', TEXTS, long(piece).map((pieces) => `{${pieces.map(quoted).join(',')}}`)],
    ['lists of booleans', BOOLS, long(fc.constantFrom('t', 'f', 'NULL')).map((all) => `{${all.join(',')}}`)],
    [
      'lists of times',
      TIMES,
      long(fc.constantFrom('"2026-01-01 10:00:00+00"', 'infinity', '"1900-01-01 00:00:00-02"')).map(
        (all) => `{${all.join(',')}}`,
      ),
    ],
  ])('is never more than was said of it: %s', (_what, oid, values) => {
    fc.assert(
      fc.property(values, (value) => {
        const { most, bytes } = encoded(oid, value);
        expect(most).toBeGreaterThanOrEqual(bytes);
      }),
      { numRuns: 20 },
    );
  });

  test('is what was said of it, but for a few bytes, where it is six times the text', () => {
    const { most, bytes } = encoded(TEXT, '\u0001'.repeat(100_000));
    expect(bytes).toBe(600_004);
    expect(most - bytes).toBeLessThan(20);
  });
});
