import { Form } from './types.ts';
import { copy, writeValue } from './values.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const NULL = Buffer.from('null');

const SPACE = 0x20;

/** How many bytes more an element may take than its text has: quotes, `false` for `f`, what RFC 3339 adds to a time. */
const MORE: Readonly<Record<Form, number>> = {
  [Form.text]: 2,
  [Form.plain]: 2,
  [Form.number]: 0,
  [Form.float]: 2,
  [Form.bool]: 4,
  [Form.json]: 0,
  [Form.bytea]: 3,
  [Form.timestamp]: 8,
  [Form.array]: 2,
};

/** Most bytes that `writeArray` writes for the text at `[start, end)`. */
export function mostBytesOfArray({ element, delimiter }: ArrayType, source: Buffer, start: number, end: number): number {
  const more = MORE[element];
  let most = end - start + 8;
  for (let index = start; index < end; index++) {
    const byte = source[index] ?? 0;
    if (byte < SPACE) most += 5;
    else if (byte === delimiter || byte === OPEN) most += more;
  }
  return most;
}

export interface ArrayType {
  readonly element: Form;
  readonly delimiter: number;
}

const KEPT_BYTES = 64 * 1024;
/** An element's text without the backslashes of the array around it. */
let unescaped = Buffer.allocUnsafeSlow(1024);

/** Writes an array's text, `{1,{2,NULL}}` or `[0:1]={"a","b"}`, as a JSON array, and says where it ends. There must be room. */
export function writeArray(
  element: Form,
  delimiter: number,
  out: Buffer,
  at: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  let index = start;
  // Bounds that do not begin at 1.
  if (source[index] !== OPEN) index = source.indexOf(EQUALS, start) + 1;
  while (index < end) {
    const byte = source[index] ?? 0;
    if (byte === OPEN || byte === CLOSE) {
      out[at++] = byte === OPEN ? 0x5b : 0x5d;
      index++;
    } else if (byte === delimiter) {
      out[at++] = COMMA;
      index++;
    } else if (byte === QUOTE) {
      const close = closingQuote(source, index + 1, end);
      at = writeQuoted(element, out, at, source, index + 1, close);
      index = close + 1;
    } else {
      let after = index;
      while (after < end && source[after] !== delimiter && source[after] !== CLOSE) after++;
      at = isNull(source, index, after)
        ? copy(out, at, NULL, 0, NULL.length)
        : writeValue(element, out, at, source, index, after);
      index = after;
    }
  }
  return at;
}

function closingQuote(source: Buffer, start: number, end: number): number {
  let index = start;
  while (index < end && source[index] !== QUOTE) index += source[index] === BACKSLASH ? 2 : 1;
  return index;
}

function writeQuoted(element: Form, out: Buffer, at: number, source: Buffer, start: number, end: number): number {
  const text = roomFor(end - start);
  let length = 0;
  for (let index = start; index < end; index++) {
    if (source[index] === BACKSLASH) index++;
    text[length++] = source[index] ?? 0;
  }
  return writeValue(element, out, at, text, 0, length);
}

function roomFor(bytes: number): Buffer {
  if (bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes);
  if (unescaped.length < bytes) unescaped = Buffer.allocUnsafeSlow(Math.min(2 * bytes, KEPT_BYTES));
  return unescaped;
}

/** Quoted, it would be a text. */
function isNull(source: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    source[start] === 0x4e &&
    source[start + 1] === 0x55 &&
    source[start + 2] === 0x4c &&
    source[start + 3] === 0x4c
  );
}
