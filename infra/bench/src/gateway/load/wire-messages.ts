import type { Call } from '../workload.ts';

/** Messages of Postgres's protocol 3.0 as a client sends them (PostgreSQL documentation, chapter "Frontend/Backend Protocol"). */
function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(type.length + 4);
  head.write(type, 'latin1');
  head.writeInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0), type.length);
  return Buffer.concat([head, ...parts]);
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const PROTOCOL_3_0 = 196_608;

export const startup = (parameters: Readonly<Record<string, string>>): Buffer =>
  message(
    '',
    int32(PROTOCOL_3_0),
    ...Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)]),
    Buffer.from([0]),
  );

export const saslInitial = (mechanism: string, response: string): Buffer =>
  message('p', text(mechanism), int32(Buffer.byteLength(response)), Buffer.from(response));
export const saslResponse = (response: string): Buffer => message('p', Buffer.from(response));

export const sync: Buffer = message('S');
const execute: Buffer = message('E', text(''), int32(0));
export const parse = (name: string, sql: string): Buffer => message('P', text(name), text(sql), int16(0));

/** Parameters and results in text format, as HTTP carries them. */
const bind = (name: string, params: readonly string[]): Buffer =>
  message(
    'B',
    text(''),
    text(name),
    int16(0),
    int16(params.length),
    ...params.flatMap((param) => [int32(Buffer.byteLength(param)), Buffer.from(param)]),
    int16(0),
  );

/** One round trip: with the named statement, or, without a name, with the text parsed anew. */
export const wireRequest = (call: Call, name: string | undefined): Buffer =>
  Buffer.concat([...(name === undefined ? [parse('', call.text)] : []), bind(name ?? '', call.params), execute, sync]);

/** What ends a good answer: CommandComplete and ReadyForQuery outside of a transaction. */
export const goodTail = (tag: string): Buffer => Buffer.concat([message('C', text(tag)), message('Z', Buffer.from('I'))]);

const READY_LENGTH = 6;

/** Does the answer end here, in ReadyForQuery of whatever transaction status? */
export const endsInReady = (bytes: Buffer): boolean => {
  const at = bytes.length - READY_LENGTH;
  return at >= 0 && bytes[at] === 0x5a && bytes.readInt32BE(at + 1) === 5;
};

export interface Incoming {
  type: string;
  body: Buffer;
}

/** The whole messages in `bytes`, and what is left of them. */
export function readMessages(bytes: Buffer): { messages: Incoming[]; rest: Buffer } {
  const messages: Incoming[] = [];
  let at = 0;
  while (bytes.length - at >= 5) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push({ type: String.fromCharCode(bytes[at] ?? 0), body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}

/** The message of an ErrorResponse. */
export function errorText(body: Buffer): string {
  const fields = body.toString('utf8').split('\0');
  const field = (code: string): string => fields.find((each) => each.startsWith(code))?.slice(1) ?? '';
  return `${field('C')} ${field('M')}`;
}
