/** What the hot path reads of a request's head. Absent headers are undefined. */
export interface RequestHead {
  readonly authorization: string;
  readonly tenantId: string | undefined;
  readonly requestId: string | undefined;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
  /** Bytes of the body. */
  readonly contentLength: number;
  /** Bytes of the head, its blank line included. */
  readonly length: number;
}

const END = Buffer.from('\r\n\r\n');
/**
 * RFC 9110 5.6.2 token, then a value of visible characters and inner blanks: no control characters, no obs-fold, no obs-text. Blanks can be
 * matched in one way only, so that a line that does not fit is known for it in the time it takes to read it once.
 */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?:([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)[ \t]*)?$/;
const CONTENT_LENGTH = /^(?:0|[1-9]\d{0,8})$/;

/** Headers that change nothing about what is asked or how the message ends. */
const HARMLESS = new Set([
  'host',
  'user-agent',
  'accept-encoding',
  'accept-language',
  'origin',
  'referer',
  'cache-control',
  'pragma',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'priority',
  'via',
  'tracestate',
  'dnt',
]);

/** Headers that are read, or must have a certain value, at most once each. */
const READ = new Map<string, RegExp | undefined>([
  ['authorization', undefined],
  ['x-ultracore-tenant-id', undefined],
  ['x-request-id', undefined],
  ['x-correlation-id', undefined],
  ['traceparent', undefined],
  ['content-length', CONTENT_LENGTH],
  ['content-type', /^application\/json(?:; ?charset=utf-8)?$/i],
  ['accept', /^(?:\*\/\*|application\/json(?:, ?(?:text\/plain, ?)?\*\/\*)?)$/],
  ['connection', /^keep-alive$/i],
  ['keep-alive', undefined],
]);

/** More than any plain request has; what there is to say of them the full server says. */
const MAX_LINES = 100;

/** How long the head is that `bytes` begins with, its blank line included; -1 while it is not complete. */
export function headLength(bytes: Buffer): number {
  const end = bytes.indexOf(END);
  return end === -1 ? -1 : end + END.length;
}

/**
 * Reads the head of one plain request for `requestLine`. Undefined for everything that is not beyond doubt such a request: another
 * path, a header that is repeated, malformed or unknown here, a body of unknown length. Those are left to the full HTTP server, which says
 * what is wrong with them; so nothing is read in two ways (RFC 9112 11.2).
 */
export function readHead(bytes: Buffer, length: number, requestLine: string): RequestHead | undefined {
  const [first, ...lines] = bytes.toString('latin1', 0, length - END.length).split('\r\n');
  if (first !== requestLine || lines.length > MAX_LINES) return undefined;
  const values = new Map<string, string>();
  let hosts = 0;
  for (const line of lines) {
    const field = FIELD.exec(line);
    if (!field) return undefined;
    const [, rawName = '', value = ''] = field;
    const name = rawName.toLowerCase();
    if (name === 'host') hosts += 1;
    if (READ.has(name)) {
      if (values.has(name) || READ.get(name)?.test(value) === false) return undefined;
      values.set(name, value);
    } else if (!HARMLESS.has(name)) {
      return undefined;
    }
  }
  const authorization = values.get('authorization');
  const contentLength = values.get('content-length');
  if (hosts !== 1 || authorization === undefined || contentLength === undefined || !values.has('content-type')) return undefined;
  return {
    authorization,
    tenantId: values.get('x-ultracore-tenant-id'),
    requestId: values.get('x-request-id'),
    correlationId: values.get('x-correlation-id'),
    traceparent: values.get('traceparent'),
    contentLength: Number(contentLength),
    length,
  };
}
