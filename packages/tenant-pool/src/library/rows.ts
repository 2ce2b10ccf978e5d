import { types } from 'pg';
import type { Field } from '../wire/backend.ts';

type Parser = (text: string) => unknown;
type RowReader = (buffer: Buffer, start: number) => Record<string, unknown>;

// Type OIDs, as in pg_type.dat.
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;
const INTERVAL = 1186;
const INTERVAL_ARRAY = 1187;
const TEXT_ARRAY = 1009;
const readers = new WeakMap<readonly Field[], RowReader>();

/** Turns the body of a DataRow into an object by column name, with the values that `pg` gives; of columns with one name the last one stays. */
export function rowReader(fields: readonly Field[]): RowReader {
  const known = readers.get(fields);
  if (known !== undefined) return known;
  const columns = fields.map((field) => ({ name: field.name, parse: parserOf(field.typeOid) }));
  const reader: RowReader = (buffer, start) => {
    const row: Record<string, unknown> = {};
    let at = start + 2;
    for (const { name, parse } of columns) {
      const length = buffer.readInt32BE(at);
      at += 4;
      if (length < 0) {
        row[name] = null;
      } else {
        row[name] = parse(buffer.toString('utf8', at, at + length));
        at += length;
      }
    }
    return row;
  };
  readers.set(fields, reader);
  return reader;
}

const textParser: (typeOid: number) => Parser = types.getTypeParser;

function parserOf(typeOid: number): Parser {
  switch (typeOid) {
    case TIMESTAMP:
      return parseTimestampAsUtc;
    case INTERVAL:
      // Sessions speak ISO 8601 here, which its parser does not read.
      return (text) => text;
    case INTERVAL_ARRAY:
      return textParser(TEXT_ARRAY);
    default:
      return textParser(typeOid);
  }
}

/** Sessions run in UTC; the process may not. */
function parseTimestampAsUtc(text: string): unknown {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  if (text === '-infinity') return Number.NEGATIVE_INFINITY;
  return parseTimestampTz(`${text}+00`);
}

const parseTimestampTz = textParser(TIMESTAMPTZ);
