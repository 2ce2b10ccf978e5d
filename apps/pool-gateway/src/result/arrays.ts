import type { Form } from './types.ts';
import { copy, writeValue } from './values.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const NULL = Buffer.from('null');

/**
 * Most bytes that `writeArray` writes for `length` bytes: an element takes its separator with it, and `f` becomes `false`; a time
 * of at least ten characters gets up to six more.
 */
export const mostBytesOfArray = (length: number): number => 6 * length + 8;

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
  if (unescaped.length < end - start) unescaped = Buffer.allocUnsafeSlow(2 * (end - start));
  let length = 0;
  for (let index = start; index < end; index++) {
    if (source[index] === BACKSLASH) index++;
    unescaped[length++] = source[index] ?? 0;
  }
  return writeValue(element, out, at, unescaped, 0, length);
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
