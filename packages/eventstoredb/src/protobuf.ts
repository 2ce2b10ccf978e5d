const LENGTH_DELIMITED = 2;
const INITIAL_SIZE = 64 * 1024;
/** A buffer that grew past this for one large message is given back. */
const MOST_KEPT = 1024 * 1024;

/** Reads the fields of one message (https://protobuf.dev/programming-guides/encoding/) where they lie. */
export class Cursor {
  readonly #buffer: Buffer;
  #at: number;
  readonly #end: number;
  #wireType = 0;

  constructor(buffer: Buffer, start = 0, end = buffer.byteLength) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  /** The number of the next field; 0 at the end. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#varint();
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  uint64(): bigint {
    const start = this.#at;
    const value = this.#varint();
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
    this.#at = start;
    return this.#bigVarint();
  }

  message(): Cursor {
    const end = this.#fieldEnd();
    const cursor = new Cursor(this.#buffer, this.#at, end);
    this.#at = end;
    return cursor;
  }

  text(): string {
    const end = this.#fieldEnd();
    const text = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }

  bytes(): Buffer {
    const end = this.#fieldEnd();
    const bytes = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  skip(): void {
    if (this.#wireType === LENGTH_DELIMITED) this.#at = this.#fieldEnd();
    else if (this.#wireType === 0) this.#varint();
    else if (this.#wireType === 1) this.#at += 8;
    else if (this.#wireType === 5) this.#at += 4;
    else throw new RangeError(`a message of the event store has a field of unknown type ${this.#wireType}`);
  }

  /** Where the field that begins here ends. Moves past its length. */
  #fieldEnd(): number {
    if (this.#wireType !== LENGTH_DELIMITED) throw new RangeError('a message of the event store has a field of another type');
    const length = this.#varint();
    const end = this.#at + length;
    if (end > this.#end) throw new RangeError('a message of the event store ends inside a field');
    return end;
  }

  /** Exact up to 2^53. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number in a message of the event store is too long');
  }

  #bigVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number in a message of the event store is too long');
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#buffer[this.#at] : undefined;
    if (byte === undefined) throw new RangeError('a message of the event store ends inside a number');
    this.#at += 1;
    return byte;
  }
}

/**
 * Writes one message from its end to its beginning, so that the length of a nested message is known when its header is written: fields
 * in reverse order, and a message's header after its fields. `finish` begins the next message.
 */
export class ReverseWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_SIZE);
  #at = INITIAL_SIZE;

  /** Given to `message` once the fields of that message are written. */
  mark(): number {
    return this.#buffer.byteLength - this.#at;
  }

  uint64(field: number, value: bigint): void {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      if (rest < 0x80n) {
        bytes.push(Number(rest));
        break;
      }
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
    this.#room(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
    this.#tag(field, 0);
  }

  flag(field: number): void {
    this.#varint(1);
    this.#tag(field, 0);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#room(value.byteLength);
    this.#at -= value.byteLength;
    this.#buffer.set(value, this.#at);
    this.#varint(value.byteLength);
    this.#tag(field, LENGTH_DELIMITED);
  }

  text(field: number, value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.#room(length);
    this.#at -= length;
    this.#buffer.write(value, this.#at, length, 'utf8');
    this.#varint(length);
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** Makes everything that was written since the mark a message in this field. */
  message(field: number, mark: number): void {
    this.#varint(this.mark() - mark);
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** A copy of what was written. */
  finish(): Buffer {
    const written = Buffer.from(this.#buffer.subarray(this.#at));
    if (this.#buffer.byteLength > MOST_KEPT) this.#buffer = Buffer.allocUnsafe(INITIAL_SIZE);
    this.#at = this.#buffer.byteLength;
    return written;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** Up to 2^31. */
  #varint(value: number): void {
    const length = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    this.#room(length);
    this.#at -= length;
    let at = this.#at;
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
      at += 1;
    }
    this.#buffer[at] = rest;
  }

  #room(length: number): void {
    if (this.#at >= length) return;
    const written = this.#buffer.subarray(this.#at);
    const larger = Buffer.allocUnsafe(2 * (written.byteLength + length) + INITIAL_SIZE);
    this.#at = larger.byteLength - written.byteLength;
    larger.set(written, this.#at);
    this.#buffer = larger;
  }
}
