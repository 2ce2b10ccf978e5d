import { FRAME_HEADER } from '../grpc/framing.ts';

const LENGTH_DELIMITED = 2;
const INITIAL_SIZE = 64 * 1024;
/** A buffer that grew past this for one large message is given back. */
const MOST_KEPT = 1024 * 1024;

/**
 * Writes one protobuf message **from its end to its beginning**, so that the length of a nested message is known when it is written: fields in
 * reverse order, and a nested message's header after its fields. One instance is reused for many messages; `finish` starts the next.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_SIZE);
  /** Where what was written last begins. */
  #at = this.#bytes.byteLength;

  /** Where the message stands now; given to `message` once its fields are written. */
  mark(): number {
    return this.#bytes.byteLength - this.#at;
  }

  uint64(field: number, value: number | bigint): void {
    this.#varint(value);
    this.#tag(field, 0);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#room(value.byteLength);
    this.#at -= value.byteLength;
    this.#bytes.set(value, this.#at);
    this.#varint(value.byteLength);
    this.#tag(field, LENGTH_DELIMITED);
  }

  string(field: number, value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.#room(length);
    this.#at -= length;
    this.#bytes.write(value, this.#at, length, 'utf8');
    this.#varint(length);
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** Makes everything written since `mark` a nested message. */
  message(field: number, mark: number): void {
    this.#varint(this.mark() - mark);
    this.#tag(field, LENGTH_DELIMITED);
  }

  empty(field: number): void {
    this.message(field, this.mark());
  }

  /** One entry of a `map<string, string>`. */
  mapEntry(field: number, key: string, value: string): void {
    const mark = this.mark();
    this.string(2, value);
    this.string(1, key);
    this.message(field, mark);
  }

  /** Makes everything written since `mark` a message with the header of a gRPC frame. */
  frame(mark: number): void {
    const length = this.mark() - mark;
    this.#room(FRAME_HEADER);
    this.#at -= FRAME_HEADER;
    this.#bytes[this.#at] = 0;
    this.#bytes.writeUInt32BE(length, this.#at + 1);
  }

  finishFrame(): Buffer {
    this.frame(0);
    return this.finish();
  }

  finish(): Buffer {
    const message = Buffer.from(this.#bytes.subarray(this.#at));
    if (this.#bytes.byteLength > MOST_KEPT) this.#bytes = Buffer.allocUnsafe(INITIAL_SIZE);
    this.#at = this.#bytes.byteLength;
    return message;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number | bigint): void {
    if (typeof value === 'number' && value < 0x80) {
      this.#room(1);
      this.#at -= 1;
      this.#bytes[this.#at] = value;
      return;
    }
    const digits: number[] = [];
    if (typeof value === 'number') {
      for (let rest = value; rest > 0; rest = Math.floor(rest / 128)) digits.push(rest % 128);
    } else {
      for (let rest = BigInt.asUintN(64, value); rest > 0n; rest >>= 7n) digits.push(Number(rest & 127n));
    }
    if (digits.length === 0) digits.push(0);
    this.#room(digits.length);
    for (let index = digits.length - 1; index >= 0; index -= 1) {
      this.#at -= 1;
      this.#bytes[this.#at] = (digits[index] ?? 0) | (index === digits.length - 1 ? 0 : 0x80);
    }
  }

  #room(length: number): void {
    if (this.#at >= length) return;
    const written = this.#bytes.subarray(this.#at);
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.byteLength * 2, written.byteLength + length));
    larger.set(written, larger.byteLength - written.byteLength);
    this.#at = larger.byteLength - written.byteLength;
    this.#bytes = larger;
  }
}
