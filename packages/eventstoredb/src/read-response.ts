import type { EventMetadata, StoredEvent } from '@ultracore/event-sourcing';
import { Cursor } from './protobuf.ts';

/** What the server says in a subscription to `$all`. `other`: nothing that concerns us. */
export type ReadResponse =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  | { readonly kind: 'checkpoint'; readonly position: bigint }
  | { readonly kind: 'caught_up' }
  | { readonly kind: 'other' };

const CAUGHT_UP: ReadResponse = { kind: 'caught_up' };
const OTHER: ReadResponse = { kind: 'other' };
const NO_METADATA: EventMetadata = Object.freeze({});

/**
 * A `ReadResp` of the protocol (`streams.proto`) straight from its bytes to what the port hands out, without the objects that the client makes on
 * the way: following a log is mostly this. Fields that are not named here are passed over. Throws `RangeError` for what is not such a message.
 */
export function decodeReadResponse(bytes: Buffer): ReadResponse {
  const cursor = new Cursor(bytes);
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) return decodeEvent(cursor.message());
    if (field === 3) return { kind: 'checkpoint', position: decodePosition(cursor.message()) };
    if (field === 8) return CAUGHT_UP;
    cursor.skip();
  }
  return OTHER;
}

/** `ReadEvent`. One without an event is a link whose target is gone. */
function decodeEvent(cursor: Cursor): ReadResponse {
  let event: StoredEvent | undefined;
  let commit: bigint | undefined;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) event = decodeRecord(cursor.message());
    else if (field === 3) commit = cursor.uint64();
    else cursor.skip();
  }
  if (!event) return OTHER;
  return { kind: 'event', event: event.position === 0n && commit !== undefined ? { ...event, position: commit } : event };
}

/** `ReadEvent.RecordedEvent`. */
function decodeRecord(cursor: Cursor): StoredEvent {
  let id = '';
  let streamName = '';
  let revision = 0n;
  let position = 0n;
  let metadata = NO_METADATA;
  let data: Buffer | undefined;
  const system = { type: '<no-event-type-provided>', isJson: false, createdAt: new Date(0) };
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) id = decodeId(cursor.message());
    else if (field === 2) streamName = decodeName(cursor.message());
    else if (field === 3) revision = cursor.uint64();
    else if (field === 5) position = cursor.uint64();
    else if (field === 6) decodeSystemMetadata(cursor.message(), system);
    else if (field === 7) metadata = toMetadata(cursor.text());
    else if (field === 8) data = cursor.bytes();
    else cursor.skip();
  }
  const { type, isJson, createdAt } = system;
  return { id, streamName, type, data: toData(data, isJson), metadata, revision, position, createdAt };
}

/** One entry of the map: `type`, `content-type` or `created`, the last in units of 100 ns since 1970. */
function decodeSystemMetadata(cursor: Cursor, system: { type: string; isJson: boolean; createdAt: Date }): void {
  let name = '';
  let value = '';
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) name = cursor.text();
    else if (field === 2) value = cursor.text();
    else cursor.skip();
  }
  if (name === 'type') system.type = value;
  else if (name === 'content-type') system.isJson = value === 'application/json';
  else if (name === 'created') system.createdAt = new Date(Number(value.slice(0, -4)));
}

/** `UUID`: a text, since we ask for texts. */
function decodeId(cursor: Cursor): string {
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 2) return cursor.text();
    cursor.skip();
  }
  return '';
}

/** `StreamIdentifier`. */
function decodeName(cursor: Cursor): string {
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 3) return cursor.text();
    cursor.skip();
  }
  return '';
}

/** The commit position of a `Checkpoint`. */
function decodePosition(cursor: Cursor): bigint {
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) return cursor.uint64();
    cursor.skip();
  }
  return 0n;
}

/** Metadata that somebody else wrote in another form is none of ours. */
function toMetadata(text: string): EventMetadata {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : NO_METADATA;
  } catch {
    return NO_METADATA;
  }
}

/** A body that is not JSON stays bytes; one that only says that it is stays text. */
function toData(bytes: Buffer | undefined, isJson: boolean): unknown {
  if (!isJson) return Uint8Array.from(bytes ?? []);
  const text = bytes?.toString('utf8') ?? '';
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
