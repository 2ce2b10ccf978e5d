import { GrpcCode, GrpcError } from './status.ts';

/** Each message is preceded by a compression flag (one byte) and its length (four bytes, big-endian). */
export const FRAME_HEADER = 5;

/** As EventStoreDB: an event may hold up to 16 MB. */
const LONGEST_MESSAGE = 17 * 1024 * 1024;

/** Cuts a byte stream into messages, whatever the chunks it comes in. A message is valid as long as its chunk; it is not copied. */
export function createFrameReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let available = 0;
  let wanted = FRAME_HEADER;

  return (chunk) => {
    pending.push(chunk);
    available += chunk.byteLength;
    if (available < wanted) return;

    const bytes = pending.length === 1 ? chunk : Buffer.concat(pending, available);
    let start = 0;
    wanted = FRAME_HEADER;
    while (bytes.byteLength - start >= FRAME_HEADER) {
      if (bytes[start] !== 0) throw new GrpcError(GrpcCode.UNIMPLEMENTED, 'compressed messages are not supported');
      const length = bytes.readUInt32BE(start + 1);
      if (length > LONGEST_MESSAGE) {
        throw new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, `a message of ${length} bytes is longer than ${LONGEST_MESSAGE}`);
      }
      wanted = FRAME_HEADER + length;
      if (bytes.byteLength - start < wanted) break;
      onMessage(bytes.subarray(start + FRAME_HEADER, start + wanted));
      start += wanted;
      wanted = FRAME_HEADER;
    }
    available = bytes.byteLength - start;
    pending = available === 0 ? [] : [bytes.subarray(start)];
  };
}
