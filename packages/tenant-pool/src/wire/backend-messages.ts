import type { Field } from './backend.ts';
import type { PostgresErrorFields } from './errors.ts';

/** First bytes of the messages that a server sends (PostgreSQL documentation, “Message Formats”). */
export const MessageType = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyInResponse: 0x47,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  emptyQueryResponse: 0x49,
  errorResponse: 0x45,
  negotiateProtocolVersion: 0x76,
  noData: 0x6e,
  noticeResponse: 0x4e,
  notificationResponse: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

export interface ErrorResponse {
  readonly message: string;
  readonly fields: PostgresErrorFields;
  /** FATAL or PANIC: the server ends the connection behind it. */
  readonly fatal: boolean;
}

/** Position behind the NUL that ends the text which starts at `start`. Throws RangeError when there is none before `end`. */
function afterText(buffer: Buffer, start: number, end: number): number {
  const nul = buffer.indexOf(0, start);
  if (nul === -1 || nul >= end) throw new RangeError('a text in a message of the server has no end');
  return nul + 1;
}

export function readErrorResponse(buffer: Buffer, start: number, end: number): ErrorResponse {
  const values = new Map<string, string>();
  let at = start;
  while (at < end && buffer[at] !== 0) {
    const after = afterText(buffer, at + 1, end);
    values.set(String.fromCharCode(buffer[at] ?? 0), buffer.toString('utf8', at + 1, after - 1));
    at = after;
  }
  const severity = values.get('V') ?? values.get('S') ?? 'ERROR';
  const position = Number(values.get('P'));
  return {
    message: values.get('M') ?? 'the server gave no message',
    fatal: severity === 'FATAL' || severity === 'PANIC',
    fields: {
      sqlstate: values.get('C') ?? 'XX000',
      severity,
      detail: values.get('D'),
      hint: values.get('H'),
      position: Number.isSafeInteger(position) && position > 0 ? position : undefined,
      schema: values.get('s'),
      table: values.get('t'),
      column: values.get('c'),
      dataType: values.get('d'),
      constraint: values.get('n'),
    },
  };
}

export function readRowDescription(buffer: Buffer, start: number, end: number): Field[] {
  const count = buffer.readUInt16BE(start);
  const fields: Field[] = [];
  let at = start + 2;
  for (let index = 0; index < count; index++) {
    const after = afterText(buffer, at, end);
    if (after + 18 > end) throw new RangeError('a RowDescription is shorter than it says');
    fields.push({
      name: buffer.toString('utf8', at, after - 1),
      tableOid: buffer.readUInt32BE(after),
      column: buffer.readInt16BE(after + 4),
      typeOid: buffer.readUInt32BE(after + 6),
      typeModifier: buffer.readInt32BE(after + 12),
    });
    at = after + 18;
  }
  return fields;
}

export function readParameterDescription(buffer: Buffer, start: number, end: number): number[] {
  const count = buffer.readUInt16BE(start);
  if (start + 2 + count * 4 > end) throw new RangeError('a ParameterDescription is shorter than it says');
  return Array.from({ length: count }, (_, index) => buffer.readUInt32BE(start + 2 + index * 4));
}

export function readParameterStatus(buffer: Buffer, start: number, end: number): { name: string; value: string } {
  const after = afterText(buffer, start, end);
  return {
    name: buffer.toString('utf8', start, after - 1),
    value: buffer.toString('utf8', after, afterText(buffer, after, end) - 1),
  };
}

/** The tag of a CommandComplete. The last one is handed in: most often it is the same again, and then no string is made. */
export function readCommandTag(buffer: Buffer, start: number, end: number, last: string): string {
  const length = end - start - 1;
  if (length === last.length) {
    let index = 0;
    while (index < length && buffer[start + index] === last.charCodeAt(index)) index++;
    if (index === length) return last;
  }
  return buffer.toString('latin1', start, end - 1);
}
