import { STATUS_CODES } from 'node:http';
import { z } from 'zod';

/** One thing that is wrong with a request. `field` is the path in the body, query or path parameters, e.g. `settings.max_connections`. */
export interface FieldError {
  field: string;
  code: string;
  detail: string;
}

export interface ProblemOptions {
  /** HTTP status, 400 to 599. */
  status: number;
  /** Stable, snake_case; what a program tests. */
  code: string;
  /** Default: the name of the status. */
  title?: string;
  /** For people. Must hold nothing secret and nothing of the inside. */
  detail: string;
  /** The one field at fault, where there is one. */
  field?: string;
  errors?: readonly FieldError[];
  /** What else a program may want to know of this kind of problem (RFC 9457, 3.2), e.g. `sqlstate`. */
  members?: Readonly<Record<string, string | number>>;
  /** Response headers, e.g. `retry-after`. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** An answer to an HTTP caller: thrown anywhere in a handler, sent as RFC 9457 problem+json. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly field: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly members: Readonly<Record<string, string | number>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(options: ProblemOptions) {
    super(
      `${options.status} ${options.code}: ${options.detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.status = options.status;
    this.code = options.code;
    this.title = options.title ?? STATUS_CODES[options.status] ?? 'Error';
    this.detail = options.detail;
    this.field = options.field;
    this.errors = options.errors;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}

/** The body of every error answer (RFC 9457, media type `application/problem+json`). */
export const problemSchema = z
  .looseObject({
    type: z.string().describe('urn:ultracore:problem:<code>'),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; what a program tests'),
    detail: z.string().describe('For people'),
    instance: z.string().describe('urn:ultracore:request:<request id>'),
    request_id: z.string(),
    field: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), code: z.string(), detail: z.string() })).optional(),
  })
  .describe('What went wrong (RFC 9457)');

export type Problem = z.infer<typeof problemSchema>;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The body to send; members never replace those that every problem has. A `field` is named also when all `errors` are of one field. */
export function toProblem(error: ProblemError, requestId: string): Problem {
  const named = new Set(error.errors?.map((each) => each.field));
  const [only] = named.size === 1 ? named : [];
  const field = error.field ?? only;
  return {
    ...error.members,
    type: `urn:ultracore:problem:${error.code}`,
    title: error.title,
    status: error.status,
    code: error.code,
    detail: error.detail,
    instance: `urn:ultracore:request:${requestId}`,
    request_id: requestId,
    ...(field === undefined ? {} : { field }),
    ...(error.errors === undefined ? {} : { errors: [...error.errors] }),
  };
}
