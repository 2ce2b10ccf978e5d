/** What a stream's metadata says about which of its events are read. */
export interface StreamMetadata {
  /** Only the newest so many. */
  readonly maxCount?: number;
  /** Only those from this revision on. */
  readonly truncateBefore?: number;
  /** Only those written at most so many seconds ago. */
  readonly maxAge?: number;
}

export const METADATA_EVENT_TYPE = '$metadata';
export const TOMBSTONE_EVENT_TYPE = '$streamDeleted';
export const LINK_EVENT_TYPE = '$>';

/** EventStoreDB's "before this revision" of a deleted stream; as a JavaScript number it is 2^63. */
const NEVER_READ = '9223372036854775807';

/** A stream that was never given metadata. */
export const NO_METADATA: StreamMetadata = Object.freeze({});

/** Of a metadata stream only the newest event counts. */
export const METADATA_OF_METADATA: StreamMetadata = Object.freeze({ maxCount: 1 });

export const isMetadataStream = (streamName: string): boolean => streamName.startsWith('$$');
export const metadataStreamOf = (streamName: string): string => `$$${streamName}`;
export const originalStreamOf = (metadataStreamName: string): string => metadataStreamName.slice(2);

/** Text that is not a JSON object, and values that are not whole numbers, count as not given. */
export function parseStreamMetadata(data: Uint8Array): StreamMetadata {
  const fields = parseObject(data);
  const [maxCount, truncateBefore, maxAge] = ['$maxCount', '$tb', '$maxAge'].map((name) => fields[name]);
  return {
    ...(isCount(maxCount) ? { maxCount } : {}),
    ...(isCount(truncateBefore) ? { truncateBefore } : {}),
    ...(isCount(maxAge) ? { maxAge } : {}),
  };
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

function parseObject(data: Uint8Array): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}

/** Deleted, yet it can be written again: its events stay hidden, its revisions go on. */
export const isSoftDeleted = ({ truncateBefore }: StreamMetadata): boolean =>
  truncateBefore !== undefined && truncateBefore >= Number.MAX_SAFE_INTEGER;

/** The metadata that deletes a stream. */
export const softDeletion = (): Buffer => Buffer.from(`{"$tb":${NEVER_READ}}`);

/** The same metadata, but events from `revision` on are read. */
export function truncatedBefore(data: Uint8Array, revision: number): Buffer {
  return Buffer.from(JSON.stringify({ ...parseObject(data), $tb: revision }));
}

/** The first revision that is read of a stream whose last is `lastRevision`. */
export function firstVisible({ maxCount, truncateBefore = 0 }: StreamMetadata, lastRevision: number): number {
  return Math.max(truncateBefore, maxCount === undefined ? 0 : lastRevision - maxCount + 1);
}

/** Too old to be read. `now` and `createdAt` in milliseconds. */
export function isExpired({ maxAge }: StreamMetadata, createdAt: number, now: number): boolean {
  return maxAge !== undefined && createdAt < now - maxAge * 1000;
}
