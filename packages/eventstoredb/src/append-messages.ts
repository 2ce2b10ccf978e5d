import type { ExpectedRevision, NewEvent } from '@ultracore/event-sourcing';
import { Cursor, ReverseWriter } from './protobuf.ts';

/** A large append is sent in messages of about this size. */
const MESSAGE_SIZE = 1024 * 1024;

const writer = new ReverseWriter();

interface Body {
  readonly data: Buffer;
  readonly metadata: Buffer;
}

/**
 * The messages (`BatchAppendReq` of `streams.proto`) of one append: one, or several for a large one, whose events the server takes together. Each
 * body is turned into bytes once.
 */
export function encodeAppend(
  correlationId: string,
  { streamName, events, expected }: { streamName: string; events: readonly NewEvent[]; expected: ExpectedRevision },
): Buffer[] {
  const parts = split(events);
  return parts.map((part, index) => {
    if (index === parts.length - 1) writer.flag(4);
    for (const { event, body } of part.toReversed()) writeProposed(event, body);
    if (index === 0) writeOptions(streamName, expected);
    writeId(1, correlationId);
    return writer.finish();
  });
}

function split(events: readonly NewEvent[]): { event: NewEvent; body: Body }[][] {
  const parts: { event: NewEvent; body: Body }[][] = [[]];
  let room = MESSAGE_SIZE;
  for (const event of events) {
    const data = Buffer.from(JSON.stringify(event.data) ?? 'null', 'utf8');
    const metadata = Buffer.from(JSON.stringify(event.metadata), 'utf8');
    const size = data.byteLength + metadata.byteLength;
    if (size > room && parts.at(-1)?.length !== 0) {
      parts.push([]);
      room = MESSAGE_SIZE;
    }
    room -= size;
    parts.at(-1)?.push({ event, body: { data, metadata } });
  }
  return parts;
}

/** `UUID`, as a text. */
function writeId(field: number, id: string): void {
  const mark = writer.mark();
  writer.text(2, id);
  writer.message(field, mark);
}

/** `Options`. */
function writeOptions(streamName: string, expected: ExpectedRevision): void {
  const mark = writer.mark();
  if (expected === 'no_stream') writer.message(3, writer.mark());
  else writer.uint64(2, expected);
  const identifier = writer.mark();
  writer.text(3, streamName);
  writer.message(1, identifier);
  writer.message(2, mark);
}

/** `ProposedMessage`. */
function writeProposed({ id, type }: NewEvent, { data, metadata }: Body): void {
  const mark = writer.mark();
  writer.bytes(4, data);
  writer.bytes(3, metadata);
  writeEntry('content-type', 'application/json');
  writeEntry('type', type);
  writeId(1, id);
  writer.message(3, mark);
}

/** An entry of the metadata that the server itself reads. */
function writeEntry(key: string, value: string): void {
  const mark = writer.mark();
  writer.text(2, value);
  writer.text(1, key);
  writer.message(2, mark);
}

/** What the server answers to one append. `refused`: the bytes of the whole answer, from which the reason can be read. */
export type AppendResponse =
  | { readonly id: string; readonly revision: bigint; readonly position: bigint | undefined }
  | { readonly id: string; readonly refused: Buffer };

/** `BatchAppendResp`. Throws `RangeError` for what is not such a message. */
export function decodeAppendResponse(bytes: Buffer): AppendResponse {
  const cursor = new Cursor(bytes);
  let id = '';
  let success: { revision: bigint; position: bigint | undefined } | undefined;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) id = decodeId(cursor.message());
    else if (field === 3) success = decodeSuccess(cursor.message());
    else cursor.skip();
  }
  return success ? { id, ...success } : { id, refused: bytes };
}

/** Text as we sent it, or two halves. */
function decodeId(cursor: Cursor): string {
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 2) return cursor.text();
    if (field === 1) return decodeHalves(cursor.message());
    cursor.skip();
  }
  return '';
}

function decodeHalves(cursor: Cursor): string {
  const halves = [0n, 0n];
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1 || field === 2) halves[field - 1] = cursor.uint64();
    else cursor.skip();
  }
  const hex = halves.map((half) => half.toString(16).padStart(16, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** `Success`. The position is left out when EventStoreDB recognised a repeated append. */
function decodeSuccess(cursor: Cursor): { revision: bigint; position: bigint | undefined } {
  let revision = 0n;
  let position: bigint | undefined;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) revision = cursor.uint64();
    else if (field === 3) position = decodeCommitPosition(cursor.message());
    else cursor.skip();
  }
  return { revision, position };
}

/** `AllStreamPosition`. */
function decodeCommitPosition(cursor: Cursor): bigint {
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) return cursor.uint64();
    cursor.skip();
  }
  return 0n;
}
