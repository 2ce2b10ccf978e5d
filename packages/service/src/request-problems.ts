import { z } from 'zod';
import { ProblemError, type FieldError } from './problem.ts';

const PLACE: ReadonlyMap<string | undefined, string> = new Map([
  ['body', 'body'],
  ['querystring', 'query'],
  ['params', 'path'],
  ['headers', 'headers'],
]);
const MAX_REPORTED_ERRORS = 50;
const MAX_FIELD_LENGTH = 200;

/**
 * Validates with zod and turns what is wrong into one problem that names every field. A refinement may give its own stable
 * code with `params: { code }`. What the caller sent is never repeated.
 */
export function validateWithZod(schema: z.core.$ZodType, httpPart: string | undefined, data: unknown) {
  const result = z.safeParse(schema, data);
  if (result.success) return { value: result.data };
  return { error: validationProblem(result.error.issues, PLACE.get(httpPart) ?? 'request', data) };
}

function validationProblem(issues: readonly z.core.$ZodIssue[], part: string, data: unknown): ProblemError {
  if (part === 'body' && (data === undefined || data === null)) {
    return new ProblemError({
      status: 400,
      code: 'body_missing',
      detail: 'This request needs a JSON object as its body.',
      field: 'body',
    });
  }
  const errors = issues.flatMap((issue) => fieldErrors(issue, part, data)).slice(0, MAX_REPORTED_ERRORS);
  const names = [...new Set(errors.map((error) => error.field))].join(', ');
  return new ProblemError({ status: 400, code: 'validation_failed', detail: `The ${part} is not valid: ${names}.`, errors });
}

function fieldErrors(issue: z.core.$ZodIssue, part: string, data: unknown): FieldError[] {
  const at = (path: readonly PropertyKey[]): string => path.map(String).join('.').slice(0, MAX_FIELD_LENGTH) || part;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: at([...issue.path, key]),
      code: 'unknown_field',
      detail: 'This field is not known here.',
    }));
  }
  const field = at(issue.path);
  if (issue.code === 'invalid_type' && valueAt(data, issue.path) === undefined) {
    return [{ field, code: 'required', detail: 'This field is required.' }];
  }
  return [{ field, code: codeOfIssue(issue), detail: issue.message }];
}

function codeOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'custom') return issue.code;
  const code: unknown = issue.params?.['code'];
  return typeof code === 'string' ? code : 'invalid_value';
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** What Fastify itself refuses, by its error code. Its own words are not passed on: some repeat what the caller sent. */
const FRAMEWORK_PROBLEMS: Readonly<Record<string, { status: number; code: string; detail: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported_media_type',
    detail: 'The body must be sent as `content-type: application/json`.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    status: 400,
    code: 'body_missing',
    detail: 'The content type is application/json, but the body is empty.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'body_length',
    detail: 'The body is not as long as its `content-length` says.',
  },
  FST_ERR_BAD_URL: { status: 400, code: 'bad_url', detail: 'The path of the URL is not validly percent-encoded.' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 414, code: 'path_too_long', detail: 'A part of the path is too long.' },
};

/** The problem for anything that was thrown while a request was handled; undefined for what nobody foresaw. */
export function problemOf(error: unknown, { bodyLimit }: { bodyLimit: number }): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ProblemError({
      status: 413,
      code: 'body_too_large',
      detail: `The body is longer than ${bodyLimit} bytes.`,
      field: 'body',
      cause: error,
    });
  }
  const known = FRAMEWORK_PROBLEMS[code];
  return known && new ProblemError({ ...known, ...(known.code.startsWith('body') ? { field: 'body' } : {}), cause: error });
}

/**
 * Parses a JSON body. The words of the parser's error are not passed on, because they repeat part of the body; the position is.
 * Keys that would change an object's prototype are refused.
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') {
    throw new ProblemError({
      status: 400,
      code: 'body_missing',
      detail: 'The content type is application/json, but the body is empty.',
      field: 'body',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text, /__proto__|constructor|\\u/.test(text) ? refusePrototype : undefined);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError({
      status: 400,
      code: 'json_invalid',
      detail: `The body is not valid JSON${positionOf(error)}.`,
      field: 'body',
      cause: error,
    });
  }
  return value;
}

function refusePrototype(this: unknown, key: string, value: unknown): unknown {
  const replacesConstructor =
    key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
  if (key === '__proto__' || replacesConstructor) {
    throw new ProblemError({ status: 400, code: 'json_invalid', detail: `The body must not have a key ${key}.`, field: 'body' });
  }
  return value;
}

function positionOf(error: unknown): string {
  const match = error instanceof Error ? / at position \d+(?: \(line (\d+) column (\d+)\))?$/.exec(error.message) : null;
  return match?.[1] ? ` (line ${match[1]}, column ${match[2]})` : '';
}
