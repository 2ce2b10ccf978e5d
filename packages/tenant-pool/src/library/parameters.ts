import { PoolError } from '../errors.ts';
import type { ParameterValue } from '../wire/backend.ts';

/**
 * A JavaScript value as Postgres reads it: dates in UTC, bytes as `bytea`, arrays as Postgres arrays, any other object as JSON. Give `JSON.stringify`ed
 * text for an array that is meant as JSON.
 * @throws PoolError `bad_parameter` for symbols, functions and invalid dates.
 */
export function toParameter(value: unknown): ParameterValue {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return toArrayLiteral(value);
  return toText(value);
}

function toText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value instanceof Date) return dateText(value);
      return JSON.stringify(value);
    case 'function':
    case 'symbol':
    case 'undefined':
    default:
      throw new PoolError('bad_parameter', `A ${typeof value} cannot be a parameter.`);
  }
}

function dateText(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new PoolError('bad_parameter', 'An invalid date cannot be a parameter.');
  const year = value.getUTCFullYear();
  if (year > 0 && year <= 9_999) return value.toISOString();
  // Postgres knows no signs: 1 BC is the year 0 of ISO 8601.
  const [, rest = ''] = /^[+-]\d{6}(.*)$/.exec(value.toISOString()) ?? [undefined, value.toISOString().slice(4)];
  return year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}

function toArrayLiteral(values: readonly unknown[]): string {
  const items = values.map((value) => {
    if (value === null || value === undefined) return 'NULL';
    if (Array.isArray(value)) return toArrayLiteral(value);
    const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : toText(value);
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${items.join(',')}}`;
}
