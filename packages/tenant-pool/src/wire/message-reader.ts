import { MessageType } from './backend-messages.ts';
import { WireError } from './errors.ts';

/** Type and length. */
const HEADER_BYTES = 5;
/** No description of columns or parameters can be longer; what an error or notice says can. */
const MAX_OTHER_BYTES = 1024 * 1024;
/** What is kept for messages that arrive in pieces, unless one is larger. */
const KEPT_BYTES = 16 * 1024;

export interface MessageHandler {
  /** One message; its body is `[start, end)` of `buffer` and only valid during the call. */
  message(type: number, buffer: Buffer, start: number, end: number): void;
  /** A message longer than its limit. Its body is thrown away. Throw to give up the connection. */
  oversized(type: number, length: number): void;
}

/**
 * Cuts a stream of bytes into messages. A message that lies whole in a chunk is handed on in place; only those cut by a chunk's end
 * are copied together. A limit keeps one message from taking all memory.
 */
export class MessageReader {
  handler: MessageHandler;
  #stopped = false;
  readonly #maxRowBytes: number;
  #partial = Buffer.allocUnsafeSlow(0);
  /** Bytes of a cut message in `#partial`. */
  #have = 0;
  /** Bytes still to be thrown away. */
  #skip = 0;

  constructor(handler: MessageHandler, maxRowBytes: number) {
    this.handler = handler;
    this.#maxRowBytes = maxRowBytes;
  }

  /** Nothing is handed on any more, not even from the chunk at hand. */
  stop(): void {
    this.#stopped = true;
    this.#partial = Buffer.allocUnsafeSlow(0);
    this.#have = 0;
  }

  /** Throws WireError `protocol_violation` for a length that cannot be, and what the handler throws. */
  read(chunk: Buffer, start: number, end: number): void {
    let at = this.#skip > 0 ? this.#skipFrom(start, end) : start;
    if (this.#have > 0) at = this.#complete(chunk, at, end);
    while (end - at >= HEADER_BYTES && !this.#stopped) {
      const type = chunk[at] ?? 0;
      const length = lengthAt(chunk, at + 1);
      const next = at + 1 + length;
      if (length > this.#limit(type)) {
        this.handler.oversized(type, length);
        this.#skip = Math.max(0, next - end);
        at = Math.min(next, end);
      } else if (next <= end) {
        this.handler.message(type, chunk, at + HEADER_BYTES, next);
        at = next;
      } else {
        break;
      }
    }
    if (at < end && !this.#stopped) this.#keep(chunk, at, end);
  }

  #limit(type: number): number {
    return type === MessageType.dataRow ? this.#maxRowBytes : MAX_OTHER_BYTES;
  }

  #skipFrom(start: number, end: number): number {
    const skipped = Math.min(this.#skip, end - start);
    this.#skip -= skipped;
    return start + skipped;
  }

  /** Adds from the chunk what the cut message lacks, and hands it on when it is whole. Returns where the rest of the chunk starts. */
  #complete(chunk: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#have < HEADER_BYTES) {
      at = this.#append(chunk, at, Math.min(end, at + HEADER_BYTES - this.#have));
      if (this.#have < HEADER_BYTES) return at;
    }
    const length = lengthAt(this.#partial, 1);
    const missing = 1 + length - this.#have;
    const type = this.#partial[0] ?? 0;
    if (length > this.#limit(type)) {
      this.#have = 0;
      this.#skip = missing;
      this.handler.oversized(type, length);
      return this.#skipFrom(at, end);
    }
    this.#room(1 + length);
    at = this.#append(chunk, at, Math.min(end, at + missing));
    if (this.#have < 1 + length) return at;
    const whole = this.#partial;
    this.#have = 0;
    if (whole.length > KEPT_BYTES) this.#partial = Buffer.allocUnsafeSlow(0);
    this.handler.message(type, whole, HEADER_BYTES, 1 + length);
    return at;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#room(end - start >= HEADER_BYTES ? 1 + lengthAt(chunk, start + 1) : HEADER_BYTES);
    this.#append(chunk, start, end);
  }

  #append(chunk: Buffer, start: number, end: number): number {
    chunk.copy(this.#partial, this.#have, start, end);
    this.#have += end - start;
    return end;
  }

  #room(bytes: number): void {
    if (this.#partial.length >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#partial.copy(larger, 0, 0, this.#have);
    this.#partial = larger;
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at);
  if (length < 4) throw new WireError('protocol_violation', `the server sent a message with the length ${length}`);
  return length;
}
