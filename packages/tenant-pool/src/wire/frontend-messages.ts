import type { ParameterValue } from './backend.ts';
import { WireError } from './errors.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** PostgreSQL documentation, “Message Formats”. Every writer reserves what it needs. */
const PROTOCOL_3_0 = 196_608;
const SSL_REQUEST = 80_877_103;
const CANCEL_REQUEST = 80_877_102;

const BIND = 0x42;
const CLOSE = 0x43;
const COPY_FAIL = 0x66;
const DESCRIBE = 0x44;
const EXECUTE = 0x45;
const PARSE = 0x50;
const PASSWORD = 0x70;
const QUERY = 0x51;
const STATEMENT = 0x53;

/** The server ends the whole connection over a longer message, so one is never sent. */
const MAX_MESSAGE_BYTES = 0x3fff_0000;
const MAX_PARAMETERS = 0xffff;
/** Longer texts are measured; for shorter ones the most that they can take is good enough. */
const MEASURED_UNITS = 4096;

const EXECUTE_SYNC = Uint8Array.of(EXECUTE, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4);
const SYNC_LENGTH = 5;
const SYNC: Buffer = Buffer.from([0x53, 0, 0, 0, 4]);
export const TERMINATE: Buffer = Buffer.from([0x58, 0, 0, 0, 4]);

const mostBytesOf = (text: string): number => (text.length > MEASURED_UNITS ? Buffer.byteLength(text) : text.length * 3);

function begin(out: WriteBuffer, type: number): number {
  out.byte(type);
  const at = out.length;
  out.length = at + 4;
  return at;
}

const end = (out: WriteBuffer, at: number): void => out.int32At(at, out.length - at);

/** Why a text cannot be sent at all, or undefined. A NUL would end it early and let the rest be read as protocol. */
export function refuseText(text: string): WireError | undefined {
  if (text.includes('\0')) return new WireError('bad_statement', 'the text of a statement cannot hold a NUL character');
  if (mostBytesOf(text) > MAX_MESSAGE_BYTES)
    return new WireError('message_too_large', 'the text of the statement is too long for one message');
  return undefined;
}

/** The most bytes that these parameters take in a Bind. */
export function parameterBytes(params: readonly ParameterValue[]): number {
  const count = params.length;
  let bytes = count * 6;
  for (let index = 0; index < count; index++) {
    const value = params[index];
    if (typeof value === 'string') bytes += mostBytesOf(value);
    else if (value) bytes += value.length;
  }
  return bytes;
}

/** Why parameters that take so many bytes cannot be sent, or undefined. */
export function refuseParameters(params: readonly ParameterValue[], bytes: number): WireError | undefined {
  if (params.length > MAX_PARAMETERS) {
    return new WireError('bad_statement', `a statement takes at most ${MAX_PARAMETERS} parameters, not ${params.length}`);
  }
  if (bytes > MAX_MESSAGE_BYTES) return new WireError('message_too_large', 'the parameters are too long for one message');
  return undefined;
}

export function writeParse(out: WriteBuffer, name: string, text: string): void {
  out.reserve(mostBytesOf(text) + name.length + 9);
  const at = begin(out, PARSE);
  out.cstring(name);
  out.cstring(text);
  out.int16(0);
  end(out, at);
}

/** Asks for the parameters' types and the columns of a prepared statement. */
export function writeDescribe(out: WriteBuffer, name: string): void {
  writeNamed(out, DESCRIBE, name);
}

export function writeClose(out: WriteBuffer, name: string): void {
  writeNamed(out, CLOSE, name);
}

function writeNamed(out: WriteBuffer, type: number, name: string): void {
  out.reserve(name.length + 7);
  const at = begin(out, type);
  out.byte(STATEMENT);
  out.cstring(name);
  end(out, at);
}

/** Bind to the unnamed portal, with all results as text, Execute to the end, Sync. `bytes`: those of the parameters, by `parameterBytes`. */
export function writeRun(out: WriteBuffer, name: string, params: readonly ParameterValue[], bytes: number): void {
  out.reserve(bytes + name.length + 14 + EXECUTE_SYNC.length);
  const at = begin(out, BIND);
  out.byte(0);
  out.cstring(name);
  writeFormats(out, params);
  const count = params.length;
  out.int16(count);
  for (let index = 0; index < count; index++) {
    const value = params[index];
    if (typeof value === 'string') {
      const lengthAt = out.length;
      out.length = lengthAt + 4;
      out.text(value);
      out.int32At(lengthAt, out.length - lengthAt - 4);
    } else if (value) {
      out.int32(value.length);
      out.copy(value);
    } else {
      out.int32(-1);
    }
  }
  out.int16(0);
  end(out, at);
  const target = out.bytes;
  const trailer = out.length;
  for (let index = 0; index < EXECUTE_SYNC.length; index++) target[trailer + index] = EXECUTE_SYNC[index] ?? 0;
  out.length = trailer + EXECUTE_SYNC.length;
}

function writeFormats(out: WriteBuffer, params: readonly ParameterValue[]): void {
  const count = params.length;
  let binary = false;
  for (let index = 0; index < count; index++) {
    const value = params[index];
    if (typeof value === 'object' && value !== null) binary = true;
  }
  out.int16(binary ? count : 0);
  if (!binary) return;
  for (const value of params) out.int16(typeof value === 'object' && value !== null ? 1 : 0);
}

export function writeSync(out: WriteBuffer): void {
  out.reserve(SYNC_LENGTH);
  out.copy(SYNC);
}

export function writeQuery(out: WriteBuffer, text: string): void {
  out.reserve(mostBytesOf(text) + 6);
  const at = begin(out, QUERY);
  out.cstring(text);
  end(out, at);
}

export function writeCopyFail(out: WriteBuffer, reason: string): void {
  out.reserve(reason.length * 3 + 6);
  const at = begin(out, COPY_FAIL);
  out.cstring(reason);
  end(out, at);
}

/** Throws WireError `bad_statement` for a name or value with a NUL, which would let the rest be read as another parameter. */
export function writeStartup(out: WriteBuffer, parameters: Readonly<Record<string, string>>): void {
  const entries = Object.entries(parameters);
  out.reserve(9 + entries.reduce((bytes, [name, value]) => bytes + (name.length + value.length) * 3 + 2, 0));
  const at = out.length;
  out.length = at + 4;
  out.int32(PROTOCOL_3_0);
  for (const [name, value] of entries) {
    if (name === '' || `${name}${value}`.includes('\0')) {
      throw new WireError('bad_statement', `the startup parameter ${JSON.stringify(name)} is empty or holds a NUL character`);
    }
    out.cstring(name);
    out.cstring(value);
  }
  out.byte(0);
  end(out, at);
}

export function writeSaslInitialResponse(out: WriteBuffer, mechanism: string, response: string): void {
  out.reserve((mechanism.length + response.length) * 3 + 10);
  const at = begin(out, PASSWORD);
  out.cstring(mechanism);
  out.int32(Buffer.byteLength(response));
  out.text(response);
  end(out, at);
}

export function writeSaslResponse(out: WriteBuffer, response: string): void {
  out.reserve(response.length * 3 + 5);
  const at = begin(out, PASSWORD);
  out.text(response);
  end(out, at);
}

export function sslRequest(): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt32BE(SSL_REQUEST, 4);
  return bytes;
}

/** `key` is what the server sent as BackendKeyData: the process id and a secret. */
export function cancelRequest(key: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + key.length);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE(CANCEL_REQUEST, 4);
  key.copy(bytes, 8);
  return bytes;
}
