import { Form } from './types.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const MINUS = 0x2d;
const PLUS = 0x2b;
const COLON = 0x3a;
const ZERO = 0x30;
const UPPER_T = 0x54;
const UPPER_Z = 0x5a;
const LOWER_T = 0x74;

/** Below it, copying byte by byte costs less than a call. */
const SHORT = 128;

const HEX = Buffer.from('0123456789abcdef', 'latin1');
/** By byte: 0 when it stands for itself in a JSON string, 1 when it is written as \u00xx, otherwise the letter after its backslash. */
const ESCAPES = new Uint8Array(256).fill(1, 0, SPACE);
for (const pair of ['""', '\\\\', '\bb', '\tt', '\nn', '\ff', '\rr']) ESCAPES[pair.charCodeAt(0)] = pair.charCodeAt(1);

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/**
 * Most bytes that `writeValue` writes for `length` bytes of any form but `array`: a control character takes six, a quoted value two more,
 * a time up to three for its zone.
 */
export const mostBytesOf = (length: number): number => 6 * length + 8;

/** Writes one value's text as JSON at `at`, and says where it ends. There must be room. */
export function writeValue(form: Form, out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  switch (form) {
    case Form.number:
      return copy(out, at, source, start, end);
    case Form.plain:
      return writePlain(out, at, source, start, end);
    case Form.float:
      // NaN, Infinity and -Infinity end in a letter.
      return (source[end - 1] ?? 0) > 0x39 ? writePlain(out, at, source, start, end) : copy(out, at, source, start, end);
    case Form.bool:
      return writeBool(out, at, source[start] === LOWER_T);
    case Form.json:
      return writeJson(out, at, source, start, end);
    case Form.bytea:
      return writeBytea(out, at, source, start, end);
    case Form.timestamp:
      return writeTimestamp(out, at, source, start, end);
    case Form.text:
    case Form.array:
      return writeText(out, at, source, start, end);
    default:
      return form satisfies never;
  }
}

/** How many bytes more than itself a text takes in a JSON string, without its quotes. */
export function escapesIn(source: Buffer, start: number, end: number): number {
  let more = 0;
  for (let index = start; index < end; index++) {
    const escape = ESCAPES[source[index] ?? 0] ?? 0;
    if (escape !== 0) more += escape === 1 ? 5 : 1;
  }
  return more;
}

function writeText(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  out[at++] = QUOTE;
  if (end - start <= SHORT) {
    for (let index = start; index < end; index++) {
      const byte = source[index] ?? 0;
      if (ESCAPES[byte] === 0) out[at++] = byte;
      else at = writeEscaped(out, at, byte);
    }
  } else {
    let clean = start;
    for (let index = start; index < end; index++) {
      const byte = source[index] ?? 0;
      if (ESCAPES[byte] === 0) continue;
      at = writeEscaped(out, copy(out, at, source, clean, index), byte);
      clean = index + 1;
    }
    at = copy(out, at, source, clean, end);
  }
  out[at++] = QUOTE;
  return at;
}

function writeEscaped(out: Buffer, at: number, byte: number): number {
  const escape = ESCAPES[byte] ?? 0;
  out[at++] = BACKSLASH;
  if (escape !== 1) {
    out[at++] = escape;
    return at;
  }
  out[at++] = 0x75;
  out[at++] = ZERO;
  out[at++] = ZERO;
  out[at++] = HEX[byte >> 4] ?? 0;
  out[at++] = HEX[byte & 15] ?? 0;
  return at;
}

function writePlain(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  out[at++] = QUOTE;
  at = copy(out, at, source, start, end);
  out[at++] = QUOTE;
  return at;
}

function writeBool(out: Buffer, at: number, value: boolean): number {
  const text = value ? TRUE : FALSE;
  return copy(out, at, text, 0, text.length);
}

/** In `json` there may be line ends between the tokens (never in its strings), which would end a line of NDJSON. */
function writeJson(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  for (let index = start; index < end; index++) {
    const byte = source[index] ?? 0;
    out[at++] = byte < SPACE ? SPACE : byte;
  }
  return at;
}

/** `\x6869`: hexadecimal digits need no escapes. */
function writeBytea(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  if (source[start] !== BACKSLASH || source[start + 1] !== 0x78) return writeText(out, at, source, start, end);
  out[at++] = QUOTE;
  out[at++] = BACKSLASH;
  at = copy(out, at, source, start, end);
  out[at++] = QUOTE;
  return at;
}

/**
 * `2026-01-01 10:00:00.5+00` as RFC 3339 has it: T between day and time, Z for UTC, minutes in every other zone. `infinity` and the BC of years
 * before Christ, which RFC 3339 has not, stay.
 */
function writeTimestamp(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  out[at++] = QUOTE;
  let index = start;
  while (index < end && source[index] !== SPACE) out[at++] = source[index++] ?? 0;
  if (index < end) {
    out[at++] = UPPER_T;
    index++;
    while (index < end) {
      const byte = source[index] ?? 0;
      if (byte === PLUS || byte === MINUS || byte === SPACE) break;
      out[at++] = byte;
      index++;
    }
    if (index < end && source[index] !== SPACE) {
      if (isUtc(source, index, end)) {
        out[at++] = UPPER_Z;
      } else {
        at = copy(out, at, source, index, index + 3);
        if (source[index + 3] !== COLON) {
          out[at++] = COLON;
          out[at++] = ZERO;
          out[at++] = ZERO;
        }
      }
      index += 3;
    }
    at = copy(out, at, source, index, end);
  }
  out[at++] = QUOTE;
  return at;
}

function isUtc(source: Buffer, zone: number, end: number): boolean {
  const after = zone + 3;
  return (
    source[zone] === PLUS && source[zone + 1] === ZERO && source[zone + 2] === ZERO && (after >= end || source[after] !== COLON)
  );
}

/** Copies bytes and says where they end. */
export function copy(out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  if (end - start > SHORT) return at + source.copy(out, at, start, end);
  for (let index = start; index < end; index++) out[at++] = source[index] ?? 0;
  return at;
}
