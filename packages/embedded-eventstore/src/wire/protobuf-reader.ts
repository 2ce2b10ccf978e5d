const LENGTH_DELIMITED = 2;

/**
 * Reads one protobuf message, field by field (https://protobuf.dev/programming-guides/encoding/): `next` until it is 0, and for each field one of
 * the reading functions or `skip`. Byte fields are views of the message, not copies. Numbers past 2^53 lose their last digits.
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;
  #wireType = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The number of the next field; 0 at the end. */
  next(): number {
    if (this.#at >= this.#bytes.byteLength) return 0;
    const tag = this.varint();
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new RangeError('the message ends inside a number');
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError('a number of the message is too long');
  }

  /** An `int64`, with all its digits. */
  int64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new RangeError('the message ends inside a number');
      this.#at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new RangeError('a number of the message is too long');
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  bytes(): Buffer {
    if (this.#wireType !== LENGTH_DELIMITED) throw new RangeError('a field of the message has another type');
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.byteLength) throw new RangeError('the message ends inside a field');
    const field = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return field;
  }

  string(): string {
    return this.bytes().toString('utf8');
  }

  message(): ProtobufReader {
    return new ProtobufReader(this.bytes());
  }

  /** Past a field that is not known here, or not wanted. */
  skip(): void {
    if (this.#wireType === 0) this.varint();
    else if (this.#wireType === 1) this.#at += 8;
    else if (this.#wireType === LENGTH_DELIMITED) this.bytes();
    else if (this.#wireType === 5) this.#at += 4;
    else throw new RangeError(`the message has a field of unknown type ${this.#wireType}`);
  }
}
