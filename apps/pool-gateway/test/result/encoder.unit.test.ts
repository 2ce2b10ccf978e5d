import type { Field } from '@ultracore/tenant-pool';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';
import { columnsMetadata, createRowEncoder } from '../../src/result/encoder.ts';
import { toParameters } from '../../src/result/parameters.ts';
import { dataRow, fieldsOf } from './rows.ts';

const OID = {
  bool: 16,
  int8: 20,
  int4: 23,
  text: 25,
  json: 114,
  box: 603,
  float8: 701,
  bytea: 17,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  jsonb: 3802,
} as const;
const ARRAY = {
  bool: 1000,
  int4: 1007,
  text: 1009,
  int8: 1016,
  json: 199,
  float8: 1022,
  bytea: 1001,
  box: 1020,
  timestamptz: 1185,
} as const;

/** The JSON of one row; starts with too little room on purpose. */
function encode(fields: readonly Field[], values: readonly (string | null)[], rowMode: 'object' | 'array' = 'array'): string {
  const out = createByteBuffer(1);
  const row = dataRow(values);
  const padded = Buffer.concat([Buffer.from('before'), row, Buffer.from('after')]);
  createRowEncoder(fields, { rowMode }).encode(out, padded, 6, 6 + row.length);
  return out.view().toString();
}

const encodeOne = (typeOid: number, value: string | null): string => encode(fieldsOf({ v: typeOid }), [value]).slice(1, -1);

describe('a value', () => {
  it.each([
    [OID.int4, '-2147483648', '-2147483648'],
    [OID.int8, '9223372036854775807', '"9223372036854775807"'],
    [OID.numeric, '123456789012345678901234567890.123456789', '"123456789012345678901234567890.123456789"'],
    [OID.numeric, 'NaN', '"NaN"'],
    [OID.float8, '1.5e+300', '1.5e+300'],
    [OID.float8, '-0', '-0'],
    [OID.float8, 'NaN', '"NaN"'],
    [OID.float8, '-Infinity', '"-Infinity"'],
    [OID.bool, 't', 'true'],
    [OID.bool, 'f', 'false'],
    [OID.text, '', '""'],
    [OID.text, 'NULL', '"NULL"'],
    [OID.bytea, '\\x00ff', '"\\\\x00ff"'],
    [OID.bytea, '\\x', '"\\\\x"'],
    [OID.json, '{\n\t"a" : [1,\r\n2]}', '{  "a" : [1,  2]}'],
    [OID.jsonb, '{"a": "b\\nc"}', '{"a": "b\\nc"}'],
    [OID.timestamptz, '2026-01-01 10:00:00+00', '"2026-01-01T10:00:00Z"'],
    [OID.timestamptz, '2026-01-01 10:00:00.123456+00', '"2026-01-01T10:00:00.123456Z"'],
    [OID.timestamptz, '2026-01-01 10:00:00-03', '"2026-01-01T10:00:00-03:00"'],
    [OID.timestamptz, '2026-01-01 10:00:00+05:30', '"2026-01-01T10:00:00+05:30"'],
    [OID.timestamptz, '1890-01-01 10:00:00+00:29:46', '"1890-01-01T10:00:00+00:29:46"'],
    [OID.timestamptz, '0044-03-15 10:00:00+00 BC', '"0044-03-15T10:00:00Z BC"'],
    [OID.timestamptz, '10000-01-01 00:00:00+00', '"10000-01-01T00:00:00Z"'],
    [OID.timestamptz, '-infinity', '"-infinity"'],
    [OID.timestamp, '2026-01-01 10:00:00', '"2026-01-01T10:00:00"'],
    [OID.timestamp, '0044-03-15 10:00:00.5 BC', '"0044-03-15T10:00:00.5 BC"'],
    [ARRAY.int4, '{}', '[]'],
    [ARRAY.int4, '{1,NULL,-3}', '[1,null,-3]'],
    [ARRAY.int4, '[0:1]={1,2}', '[1,2]'],
    [ARRAY.int4, '[1:1][-1:0]={{1,2}}', '[[1,2]]'],
    [ARRAY.int8, '{{1,2},{3,NULL}}', '[["1","2"],["3",null]]'],
    [ARRAY.bool, '{t,f,NULL}', '[true,false,null]'],
    [ARRAY.text, '{a,"b c","NULL",NULL,"","{}","q\\"\\\\",",",null}', '["a","b c","NULL",null,"","{}","q\\"\\\\",",","null"]'],
    [ARRAY.json, '{"{\\"a\\": 1}",2}', '[{"a": 1},2]'],
    [ARRAY.float8, '{1.5,NaN,Infinity}', '[1.5,"NaN","Infinity"]'],
    [ARRAY.bytea, '{"\\\\x00ff"}', '["\\\\x00ff"]'],
    [ARRAY.box, '{(1,1),(0,0);(2,2),(1,1)}', '["(1,1),(0,0)","(2,2),(1,1)"]'],
    [ARRAY.timestamptz, '{"2026-01-01 10:00:00+00",infinity}', '["2026-01-01T10:00:00Z","infinity"]'],
    [99_999, '(1,"a b")', '"(1,\\"a b\\")"'],
  ])('of type %i, %j, is %s', (typeOid, text, json) => {
    expect(encodeOne(typeOid, text)).toBe(json);
    expect(() => JSON.parse(json)).not.toThrow();
  });

  it('that is null is null, whatever its type', () => {
    for (const typeOid of [...Object.values(OID), ...Object.values(ARRAY), 99_999]) expect(encodeOne(typeOid, null)).toBe('null');
  });

  it('of text comes out of JSON as it went in, whatever it holds and however long it is', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({
        unit: fc.constantFrom('"', '\\', '\n', '\u0001', '\u001f', '\u007f', '\u2028', 'é', '😀', 'a'),
        maxLength: 200,
      }),
    );
    fc.assert(
      fc.property(text, fc.nat({ max: 3 }), (value, times) => {
        fc.pre(!value.includes('\0'));
        const long = value.repeat(10 ** times);
        expect(JSON.parse(encodeOne(OID.text, long))).toBe(long);
      }),
    );
  });

  it('of an array comes out of JSON as it went in, however deep', () => {
    const element = fc.option(fc.string({ unit: fc.constantFrom('"', '\\', ',', '{', '}', ' ', '\n', 'é', 'N', 'NULL') }));
    const array = fc.oneof(
      fc.array(element, { minLength: 1 }),
      fc.array(fc.array(element, { minLength: 2, maxLength: 2 }), { minLength: 1 }),
    );
    fc.assert(
      fc.property(array, (values) => {
        expect(JSON.parse(encodeOne(ARRAY.text, String(toParameters([values])[0])))).toEqual(values);
      }),
    );
  });
});

describe('a row', () => {
  const fields = fieldsOf({ id: OID.int4, 'a "name"': OID.text, ü: OID.bool });

  it('is an object with the columns’ names, or an array', () => {
    expect(encode(fields, ['1', 'x', 't'], 'object')).toBe('{"id":1,"a \\"name\\"":"x","ü":true}');
    expect(encode(fields, ['1', null, 'f'])).toBe('[1,null,false]');
  });

  it('may have no columns', () => {
    expect(encode([], [], 'object')).toBe('{}');
    expect(encode([], [])).toBe('[]');
  });

  it('of many long and short values is complete', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.string({ unit: fc.constantFrom('\n', 'x'), maxLength: 6000 })), { maxLength: 8 }),
        (values) => {
          const columns = Object.fromEntries(values.map((_, index) => [`c${index}`, OID.text]));
          expect(JSON.parse(encode(fieldsOf(columns), values))).toEqual(values);
          expect(Object.values(JSON.parse(encode(fieldsOf(columns), values, 'object')))).toEqual(values);
        },
      ),
    );
  });

  it('takes little more memory than it is long', () => {
    const out = createByteBuffer(1);
    const row = dataRow(['x'.repeat(1_000_000)]);
    createRowEncoder(fieldsOf({ v: OID.text }), { rowMode: 'array' }).encode(out, row, 0, row.length);
    expect(out.capacity).toBeLessThan(1_010_000);
  });

  it('follows what is written already', () => {
    const out = createByteBuffer();
    const encoder = createRowEncoder(fields, { rowMode: 'array' });
    const row = dataRow(['1', 'x', 't']);
    out.ascii('[');
    encoder.encode(out, row, 0, row.length);
    out.byte(0x2c);
    encoder.encode(out, row, 0, row.length);
    out.bytes(Buffer.from(']'));
    expect(out.view().toString()).toBe('[[1,"x",true],[1,"x",true]]');
  });

  it('with two columns of one name is no object', () => {
    const twice: Field[] = [...fieldsOf({ id: OID.int4 }), ...fieldsOf({ id: OID.int4 })];
    expect(() => createRowEncoder(twice, { rowMode: 'object' })).toThrow(expect.objectContaining({ code: 'duplicate_column' }));
    expect(encode(twice, ['1', '2'])).toBe('[1,2]');
  });

  it('is encoded by the same encoder as long as its columns are the same', () => {
    expect(createRowEncoder(fields, { rowMode: 'object' })).toBe(createRowEncoder(fields, { rowMode: 'object' }));
    expect(createRowEncoder(fields, { rowMode: 'object' })).not.toBe(createRowEncoder(fields, { rowMode: 'array' }));
    expect(columnsMetadata(fields)).toBe(columnsMetadata(fields));
  });
});

describe('the columns', () => {
  it('are told with their types', () => {
    const fields = fieldsOf({ id: OID.int8, tags: ARRAY.text, '"': 99_999 });
    expect(JSON.parse(columnsMetadata(fields).toString())).toEqual([
      { name: 'id', type: 'int8', type_oid: 20 },
      { name: 'tags', type: 'text[]', type_oid: 1009 },
      { name: '"', type: 'user_defined', type_oid: 99_999 },
    ]);
  });
});
