import { ProblemError } from '@ultracore/service';
import type { ParameterValue } from '@ultracore/tenant-pool';

const JSON_TYPES: ReadonlySet<number> = new Set([114, 3802]);

/** Whether the values alone do not say how to send them: a list is an array to some types and JSON to others. */
export function needsTypes(values: readonly unknown[]): boolean {
  return values.some((value) => Array.isArray(value));
}

/**
 * JSON values as Postgres reads them: null is NULL, strings go as they are, numbers in their shortest form (whole ones up to 2^53), booleans as words, objects as JSON, lists
 * as JSON for a parameter of type json or jsonb and as an array for all others. `types` are the OIDs of the parameters; without them a list is an
 * array.
 * @throws ProblemError `parameter_invalid` with the position of the parameter.
 */
export function toParameters(values: readonly unknown[], types: readonly number[] = []): ParameterValue[] {
  return values.map((value, index) => toParameter(value, index, types[index]));
}

function toParameter(value: unknown, index: number, type: number | undefined): ParameterValue {
  if (value === null) return null;
  if (Array.isArray(value)) {
    const text = type !== undefined && JSON_TYPES.has(type) ? JSON.stringify(value) : toArray(value, index);
    return assertText(text, index);
  }
  return assertText(toText(value, index), index);
}

function toText(value: unknown, index: number): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (!isExact(value)) throw invalid(index, 'It is a number that JSON does not carry exactly. Give it as a string.');
      return String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return JSON.stringify(value);
    case 'bigint':
    case 'function':
    case 'symbol':
    case 'undefined':
    default:
      throw invalid(index, `A ${typeof value} is no JSON value.`);
  }
}

/** What was written with more digits has become another number before anybody could see it; beyond 2^53 that can be known. */
const isExact = (value: number): boolean => Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));

/** Elements are quoted, so that none is taken for NULL or for a part of the array. */
function toArray(values: readonly unknown[], index: number): string {
  const elements = values.map((value) => {
    if (value === null) return 'NULL';
    if (Array.isArray(value)) return toArray(value, index);
    return `"${toText(value, index).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${elements.join(',')}}`;
}

/** Postgres has no NUL in texts, and half a surrogate pair has no bytes in UTF-8: it would become another character. */
function assertText(text: string, index: number): string {
  if (text.includes('\0'))
    throw invalid(index, 'It has a NUL character, which no type of Postgres can hold. Give bytes as "\\\\x…".');
  if (!text.isWellFormed()) throw invalid(index, 'It is not well-formed Unicode.');
  return text;
}

function invalid(index: number, why: string): ProblemError {
  return new ProblemError({
    status: 400,
    code: 'parameter_invalid',
    detail: `Parameter $${index + 1} cannot be sent: ${why}`,
    errors: [{ field: `params[${index}]`, code: 'parameter_invalid', detail: why }],
  });
}
