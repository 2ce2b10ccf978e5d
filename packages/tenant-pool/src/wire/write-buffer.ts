const INITIAL_BYTES = 16 * 1024;
/** A buffer that a large parameter has made larger than this is not kept. */
const KEPT_BYTES = 256 * 1024;
/** Up to here a loop over the characters is faster than a call into the runtime. */
const SHORT_TEXT = 24;

/** Where outgoing messages are collected between two flushes. Whoever writes reserves first; the writing itself checks nothing. */
export class WriteBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  length = 0;

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** Starts over; `reusable` says whether nobody reads the bytes handed out before. */
  clear(reusable: boolean): void {
    if (!reusable || this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.length = 0;
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  int16(value: number): void {
    const at = this.length;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
    this.length = at + 2;
  }

  int32(value: number): void {
    this.int32At(this.length, value);
    this.length += 4;
  }

  int32At(at: number, value: number): void {
    const bytes = this.bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** UTF-8, without an end mark. Takes at most three bytes a UTF-16 unit. */
  text(value: string): void {
    const bytes = this.bytes;
    const start = this.length;
    const units = value.length;
    if (units <= SHORT_TEXT) {
      let index = 0;
      for (; index < units; index++) {
        const unit = value.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[start + index] = unit;
      }
      if (index === units) {
        this.length = start + units;
        return;
      }
    }
    this.length = start + bytes.write(value, start, 'utf8');
  }

  /** A text with the protocol's end mark. The caller has made sure that it holds no NUL. */
  cstring(value: string): void {
    this.text(value);
    this.byte(0);
  }

  copy(source: Uint8Array): void {
    this.bytes.set(source, this.length);
    this.length += source.length;
  }
}
