/**
 * The revision of the event that ends a tombstoned stream, as it is kept here. On the wire it is 2^63-1, which neither a JavaScript number nor
 * this package's SQL can hold exactly.
 */
export const TOMBSTONE_REVISION = Number.MAX_SAFE_INTEGER;

/** One event as it was received, with its place. */
export interface EventRecord {
  /** Place in the log: grows strictly, by at least one, with gaps. Both commit and prepare position on the wire. */
  readonly position: number;
  readonly streamName: string;
  /** Place in its stream, from 0, without gaps; `TOMBSTONE_REVISION` for the end of a tombstoned stream. */
  readonly revision: number;
  /** A UUID in lower case, with hyphens. */
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

const FIXED_SIZE = 64;

/** How far the log's position moves on past a record: near its size, so that positions look like the byte offsets of a real log. */
export function lengthInLog(record: Pick<EventRecord, 'streamName' | 'type' | 'data' | 'metadata'>): number {
  return FIXED_SIZE + record.streamName.length + record.type.length + record.data.byteLength + record.metadata.byteLength;
}
