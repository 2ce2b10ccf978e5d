/** Bytes written one after the other into memory that grows. */
export class ByteBuffer {
  length = 0;
  #memory: Buffer;

  constructor(capacity: number) {
    this.#memory = Buffer.allocUnsafeSlow(capacity);
  }

  get capacity(): number {
    return this.#memory.length;
  }

  /** Memory with room for `bytes` more at `length`. Writers that fill it themselves add to `length` afterwards. */
  room(bytes: number): Buffer {
    const needed = this.length + bytes;
    if (needed > this.#memory.length) this.#grow(needed);
    return this.#memory;
  }

  byte(value: number): void {
    this.room(1)[this.length++] = value;
  }

  /** Text of which every character is ASCII. */
  ascii(text: string): void {
    const memory = this.room(text.length);
    let at = this.length;
    for (let index = 0; index < text.length; index++) memory[at++] = text.charCodeAt(index);
    this.length = at;
  }

  bytes(source: Uint8Array): void {
    this.room(source.length).set(source, this.length);
    this.length += source.length;
  }

  /** Forgets what was written after the first `length` bytes. */
  truncate(length: number): void {
    if (length < this.length) this.length = length;
  }

  reset(): void {
    this.length = 0;
  }

  /** What was written. The same memory: valid until the next write or reset. */
  view(): Buffer {
    return this.#memory.subarray(0, this.length);
  }

  #grow(needed: number): void {
    const { length } = this.#memory;
    const memory = Buffer.allocUnsafeSlow(Math.max(needed, length > LARGE ? length + (length >> 2) : length * 2));
    memory.set(this.#memory.subarray(0, this.length));
    this.#memory = memory;
  }
}

/** What is longer grows by a quarter, so that no more than that of it is unused. */
const LARGE = 1024 * 1024;
const CAPACITY = 16 * 1024;

export function createByteBuffer(capacity = CAPACITY): ByteBuffer {
  return new ByteBuffer(capacity);
}

export interface ByteBuffers {
  take(): ByteBuffer;
  /** Whoever gives one back writes to it, and reads its view, no more. */
  giveBack(buffer: ByteBuffer): void;
}

const KEPT = 256;
const KEPT_CAPACITY = 256 * 1024;

/** Buffers to be used again and again. What has grown large is not kept. */
export function createByteBuffers(): ByteBuffers {
  const free: ByteBuffer[] = [];
  return {
    take: () => free.pop() ?? createByteBuffer(),
    giveBack(buffer) {
      if (free.length >= KEPT || buffer.capacity > KEPT_CAPACITY) return;
      buffer.reset();
      free.push(buffer);
    },
  };
}
