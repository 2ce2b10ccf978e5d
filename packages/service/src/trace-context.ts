import { randomBytes, randomUUID } from 'node:crypto';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ID = /^[\w.:-]{1,128}$/;

/** The id a caller gave, when it is short and plain enough to be put into logs and headers as it is; else a new one. */
export function acceptId(given: string | string[] | undefined): string {
  return typeof given === 'string' && ID.test(given) ? given : randomUUID();
}

/**
 * The traceparent of this request (W3C Trace Context, level 1): the caller's trace with a span of our own, or a new trace when
 * the caller sent none or a malformed one.
 */
export function continueTrace(given: string | string[] | undefined): string {
  const span = randomHex(8);
  const match = typeof given === 'string' ? TRACEPARENT.exec(given) : null;
  const [, trace, parent, flags] = match ?? [];
  if (!trace || !parent || !flags || /^0+$/.test(trace) || /^0+$/.test(parent)) {
    return `00-${randomHex(16)}-${span}-00`;
  }
  return `00-${trace}-${span}-${flags}`;
}

/** Random digits are made in stock: a call for sixteen costs as much as one for thousands, and every request needs some. */
const STOCK_BYTES = 4096;
let stock = '';
let used = 0;

function randomHex(bytes: number): string {
  if (used + bytes * 2 > stock.length) {
    stock = randomBytes(STOCK_BYTES).toString('hex');
    used = 0;
  }
  used += bytes * 2;
  return stock.slice(used - bytes * 2, used);
}
