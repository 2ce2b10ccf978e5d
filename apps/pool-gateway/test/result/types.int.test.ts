import { freshDatabase, testStack } from '@ultracore/testkit';
import { type Backend, openBackend } from '@ultracore/tenant-pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogTypesOf, committedCatalogTypes } from '../../scripts/catalog-types.ts';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';
import { createRowEncoder } from '../../src/result/encoder.ts';
import { toParameters } from '../../src/result/parameters.ts';

/** Exact as texts, where to_json writes numbers of any length, or makes an array of what is none. */
const AS_TEXT: ReadonlySet<string> = new Set(['int8', 'numeric', 'int2vector', 'oidvector']);
/** A number, of which to_json makes a text. */
const AS_NUMBER: ReadonlySet<string> = new Set(['oid']);

const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  bool: ['true', 'false'],
  bytea: ['\\x00ff10', '\\x', 'text \\\\'],
  char: ['a', '"', '\\'],
  name: ['x', 'a "name"'],
  int8: ['9223372036854775807', '-9223372036854775808', '0'],
  int2: ['32767', '-32768'],
  int2vector: ['1 2 3', ''],
  int4: ['2147483647', '-2147483648'],
  regproc: ['now', '0'],
  text: ['', 'plain', 'é😀"\\/\n\t\u0001\u2028', 'NULL', '{}', 'x'.repeat(10_000)],
  oid: ['4294967295', '0'],
  tid: ['(1,2)'],
  xid: ['17'],
  cid: ['17'],
  oidvector: ['1 2 3', ''],
  json: ['{"a": [1, 2.50, "x\\n", null]}', '[ 1 ,\n\t2 ]', '12345678901234567890', '"\\ud83d\\ude00"'],
  xml: ['<a b="1">x</a>'],
  point: ['(1.5,-2)'],
  lseg: ['[(1,2),(3,4)]'],
  path: ['[(1,2),(3,4)]'],
  box: ['(3,4),(1,2)', '(1,1),(0,0)'],
  polygon: ['((1,2),(3,4))'],
  line: ['{1,2,3}'],
  cidr: ['10.0.0.0/8'],
  float4: ['1.5', '-0', '1e30', 'NaN', 'Infinity', '-Infinity', '0.1'],
  float8: ['1.5', '-0', '1e300', '5e-324', 'NaN', 'Infinity', '-Infinity', '0.1'],
  circle: ['<(1,2),3>'],
  macaddr8: ['08:00:2b:01:02:03:04:05'],
  money: ['12345.67', '-1'],
  macaddr: ['08:00:2b:01:02:03'],
  inet: ['10.0.0.1/24', '::1'],
  aclitem: ['pg_monitor=r/pg_monitor'],
  bpchar: ['a  ', '"'],
  varchar: ['a "b"'],
  date: ['2026-02-28', '0044-03-15 BC', 'infinity', '10000-01-01'],
  time: ['10:00:00', '24:00:00', '10:00:00.123456'],
  timestamp: ['2026-01-01 10:00:00', '2026-01-01 10:00:00.5', '0044-03-15 10:00:00 BC', 'infinity', '10000-01-01'],
  timestamptz: ['2026-01-01 10:00:00+02', '2026-01-01 10:00:00.123456Z', '0044-03-15 10:00:00 BC', '-infinity', '10000-01-01'],
  interval: ['1 year 2 mons -3 days 04:05:06.789', '0', '-1 day'],
  timetz: ['10:00:00+02', '10:00:00.5-03:30'],
  bit: ['1'],
  varbit: ['1010', ''],
  numeric: ['123456789012345678901234567890.123456789', '-0.10', 'NaN', 'Infinity', '1e-30'],
  refcursor: ['c'],
  regprocedure: ['now()'],
  regoper: ['|/'],
  regoperator: ['+(integer,integer)'],
  regclass: ['pg_class'],
  regtype: ['integer', '"char"'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000'],
  txid_snapshot: ['10:20:10,14'],
  pg_lsn: ['16/B374D848'],
  tsvector: ["'a':1 'it''s':2B"],
  tsquery: ["'a' & !'b'"],
  regconfig: ['simple'],
  regdictionary: ['simple'],
  jsonb: ['{"a": [1, 2.50, "x\\n", null]}', '12345678901234567890', 'null', '"a"'],
  int4range: ['[1,5)', 'empty', '(,)'],
  numrange: ['[1.5,2.5]'],
  tsrange: ['["2026-01-01 10:00:00",)'],
  tstzrange: ['["2026-01-01 10:00:00+00",)'],
  daterange: ['[2026-01-01,2026-02-01)'],
  int8range: ['[1,5)'],
  jsonpath: ['$."a"[*]'],
  regnamespace: ['pg_catalog'],
  regrole: ['pg_monitor'],
  regcollation: ['"C"'],
  int4multirange: ['{[1,5),[7,9)}', '{}'],
  nummultirange: ['{[1.5,2.5]}'],
  tsmultirange: ['{["2026-01-01 10:00:00",)}'],
  tstzmultirange: ['{["2026-01-01 10:00:00+00",)}'],
  datemultirange: ['{[2026-01-01,2026-02-01)}'],
  int8multirange: ['{[1,5)}'],
  pg_snapshot: ['10:20:10,14'],
  xid8: ['18446744073709551615'],
};

/** No value of them can be written, or they are no types of columns at all. */
const WITHOUT_VALUES =
  /^(any|pg_(ddl_command|node_tree|ndistinct|dependencies|brin_|mcv_list)|.*_handler$|cstring|unknown|void|trigger|event_trigger|internal|record|gtsvector)/;

let backend: Backend;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await freshDatabase(testStack());
  const { host, port, user, password } = testStack().postgres;
  const options = {
    host,
    port,
    user,
    password,
    database: database.name,
    applicationName: 'types test',
    settings: {},
    connectTimeoutMs: 10_000,
  };
  backend = await openBackend(options);
  drop = async () => {
    backend.close();
    await backend.closed;
    await database[Symbol.asyncDispose]();
  };
});
afterAll(() => drop());

/** The rows of a statement as the gateway would answer them. */
function rowsOf(text: string, params: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const out = createByteBuffer();
  let encoder: ReturnType<typeof createRowEncoder> | undefined;
  return new Promise((resolve, reject) => {
    backend.execute(
      { text, params: toParameters(params) },
      {
        columns: (fields) => {
          encoder = createRowEncoder(fields, { rowMode: 'object' });
        },
        row: (buffer, start, end) => {
          if (out.length > 0) out.byte(0x2c);
          encoder?.encode(out, buffer, start, end);
        },
        complete: () => resolve(JSON.parse(`[${out.view().toString()}]`)),
        failed: reject,
      },
    );
  });
}

/** What the column `v` must be, by the same value as text (`t`) and as Postgres's own JSON (`j`). */
function expected(type: string, row: Record<string, unknown> | undefined): unknown {
  if (AS_TEXT.has(type)) return row?.['t'];
  return AS_NUMBER.has(type) ? numbers(row?.['t']) : withZ(row?.['j']);
}

function numbers(text: unknown): unknown {
  if (Array.isArray(text)) return text.map(numbers);
  return text === null ? null : Number(text);
}

/** Z for +00:00 in what to_json writes, in arrays too. */
function withZ(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withZ);
  return typeof json === 'string' ? json.replace(/(?<=T[\d:.]+)\+00:00(?= BC$|$)/, 'Z') : json;
}

describe('what Postgres sends', () => {
  const types = Object.entries(SAMPLES);

  it('has samples of every type of the server', async () => {
    const committed = await committedCatalogTypes();
    expect(
      committed
        .map(({ name }) => name)
        .filter((name) => !WITHOUT_VALUES.test(name))
        .sort(),
    ).toEqual(Object.keys(SAMPLES).sort());
  });

  it('is of types that the committed list knows', async () => {
    const known = new Map((await committedCatalogTypes()).map((type) => [type.oid, type]));
    for (const type of await catalogTypesOf(testStack().postgresUrl())) expect(known.get(type.oid)).toEqual(type);
  });

  it.each(types)('is right for %s', async (name, samples) => {
    for (const sample of samples) {
      const [row] = await rowsOf(`select $1::"${name}" as v, $1::"${name}"::text as t, to_json($1::"${name}") as j`, [sample]);
      expect(row?.['v'], sample).toStrictEqual(expected(name, row));
    }
  });

  it.each(types)('is right for arrays of %s', async (name, samples) => {
    const array = `array[array[$1::"${name}", null, $2::"${name}"], array[$2::"${name}", $1::"${name}", null]]`;
    const [first, second = first] = samples;
    const [row] = await rowsOf(`select ${array} as v, ${array}::text[] as t, to_json(${array}) as j`, [first, second]);
    const [empty] = await rowsOf(`select '{}'::"${name}"[] as v, ('{}'::"${name}"[])[1:0] as w`);
    expect(row?.['v']).toStrictEqual(expected(name, row));
    expect(empty).toEqual({ v: [], w: [] });
  });

  it('is a domain’s base type, and text for types of one’s own', async () => {
    await rowsOf('create domain whole as int check (value > 0)');
    await rowsOf("create type mood as enum ('so so', 'fine')");
    await rowsOf('create type pair as (a int, b text)');
    expect(
      await rowsOf(`select 1::whole as w, 'so so'::mood as m, row(1, 'x "y"')::pair as p, array['so so', 'fine']::mood[] as a`),
    ).toEqual([{ w: 1, m: 'so so', p: '(1,"x ""y""")', a: '{"so so",fine}' }]);
  });

  it('comes back as it was given as a parameter', async () => {
    const list = ['a "b"\\', 'NULL', null, '{}', 'é😀'];
    const [row] = await rowsOf(
      'select $1::text[] as texts, $2::jsonb as object, $3::int8 as big, $4::bool as yes, $5::float8 as half, $6::text as none',
      [list, { a: [1, { b: null }] }, '9223372036854775807', true, 0.5, null],
    );
    expect(row).toEqual({
      texts: list,
      object: { a: [1, { b: null }] },
      big: '9223372036854775807',
      yes: true,
      half: 0.5,
      none: null,
    });
  });
});
