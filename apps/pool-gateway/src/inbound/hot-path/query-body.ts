import type { QueryBody } from '../../query/request.ts';

const KEYS: ReadonlySet<string> = new Set(['sql', 'params', 'readonly', 'row_mode', 'timeout_ms', 'max_rows']);
const MAX_PARAMS = 65_535;

/**
 * A body as its schema would read it; undefined for one that is not beyond doubt right: the full server says what is wrong with it. The
 * schema takes tens of times as long.
 */
export function readQueryBody(bytes: Buffer): QueryBody | undefined {
  const parsed = parse(bytes);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  for (const key in parsed) if (!KEYS.has(key)) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each of its fields is looked at
  const body = parsed as { [Key in keyof QueryBody]?: unknown };
  const { sql, params, readonly, row_mode: rowMode } = body;
  if (typeof sql !== 'string' || sql === '' || !sql.isWellFormed()) return undefined;
  if (params !== undefined && !(Array.isArray(params) && params.length <= MAX_PARAMS && isPlain(params, bytes))) return undefined;
  if (readonly !== undefined && typeof readonly !== 'boolean') return undefined;
  if (rowMode !== undefined && rowMode !== 'object' && rowMode !== 'array') return undefined;
  if (!isCount(body.timeout_ms) || !isCount(body.max_rows)) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each of its fields has been looked at
  return parsed as QueryBody;
}

/** Keys that the full server refuses can only be in objects, and there are few of those. */
const isPlain = (params: readonly unknown[], bytes: Buffer): boolean =>
  !params.some(isObject) || !(bytes.includes('__proto__') || bytes.includes('constructor') || bytes.includes('\\u'));

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const isCount = (value: unknown): boolean => value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1);

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
