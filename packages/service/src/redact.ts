const REDACTED = '[redacted]';

const SECRET_KEY = /passw|pwd|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|credential|verifier|jwks?$/i;
const MAX_DEPTH = 8;
/** One look at the many texts that hold nothing, before the rules are tried one by one. */
const MAY_HOLD_SECRET = /:\/\/|password|bearer|basic|eyJ|SCRAM-SHA-256|v1\./i;

/**
 * A text without what is secret in it: the password of any URL, `password=` of a connection string, `password '…'` of SQL and
 * `"…password": "…"` of JSON, bearer tokens, basic authorization, SCRAM verifiers and sealed credentials.
 */
export function redactText(text: string): string {
  if (!MAY_HOLD_SECRET.test(text)) return text;
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/"'<>]*):[^\s"'<>]+@/gi, `$1:${REDACTED}@`)
    .replaceAll(/\b((?:ssl|pg)?password)(\s*=\s*|\s+(?='))('[^']*'|[^\s"&;,)]+)/gi, `$1$2${REDACTED}`)
    .replaceAll(/("[\w-]*password"\s*:\s*)"(?:[^"\\]|\\.)*"/gi, `$1"${REDACTED}"`)
    .replaceAll(/\b(authorization:\s*basic)\s+[\w+/=-]+/gi, `$1 ${REDACTED}`)
    .replaceAll(/\bbearer\s+[\w~+/.-]+=*/gi, `Bearer ${REDACTED}`)
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED)
    .replaceAll(/SCRAM-SHA-256\$\d+:[^\s"']+/g, REDACTED)
    .replaceAll(/\bv1\.[\w-]+\.[\w+/=-]{8,}\.[\w+/=-]{16,}\.[\w+/=-]{16,}/g, REDACTED);
}

/**
 * A copy that is safe to write to a log: the value of any key that looks secret is replaced, texts go through `redactText`,
 * errors become plain objects with their causes, bytes only show their length.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

/** As `redact`, for one object of log fields. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return copyFields(Object.entries(fields), 0, new Set());
}

function copy(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (above.has(value) || depth >= MAX_DEPTH) return '[…]';
  above.add(value);
  try {
    return copyObject(value, depth + 1, above);
  } finally {
    above.delete(value);
  }
}

function copyObject(value: object, depth: number, above: Set<object>): unknown {
  if (Array.isArray(value)) return value.map((item) => copy(item, depth, above));
  if (value instanceof Map)
    return copyFields(
      [...value].map(([key, item]) => [String(key), item]),
      depth,
      above,
    );
  if (value instanceof Set) return [...value].map((item) => copy(item, depth, above));
  if (value instanceof Error) return copyError(value, depth, above);
  return copyFields(Object.entries(value), depth, above);
}

function copyError(error: Error, depth: number, above: Set<object>): Record<string, unknown> {
  const fields: [string, unknown][] = [
    ['type', error.name],
    ['message', error.message],
    ...Object.entries(error).filter(([key]) => key !== 'name'),
    ['stack', error.stack],
  ];
  if (error.cause !== undefined) fields.push(['cause', error.cause]);
  if (error instanceof AggregateError) fields.push(['errors', error.errors]);
  return copyFields(fields, depth, above);
}

function copyFields(
  entries: readonly (readonly [string, unknown])[],
  depth: number,
  above: Set<object>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    result[key] = SECRET_KEY.test(key) && mayBeSecret(value) ? REDACTED : copy(value, depth, above);
  }
  return result;
}

/** Counts and switches are worth reading even under a name like `token_count`. */
function mayBeSecret(value: unknown): boolean {
  return !(value === null || value === undefined || value === '' || typeof value === 'number' || typeof value === 'boolean');
}
