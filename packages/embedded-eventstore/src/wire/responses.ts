import type { WriteOutcome } from '../operations/append.ts';
import type { ExpectedRevision } from '../operations/decide-append.ts';
import { type EventRecord, TOMBSTONE_REVISION } from '../storage/record.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { writeUuid } from './uuid.ts';

/** Every function that is exported returns framed messages. Fields are written last to first: see `ProtobufWriter`. */
const writer = new ProtobufWriter();

const TOMBSTONE_ON_THE_WIRE = 2n ** 63n - 1n;
const TICKS_PER_MILLISECOND = '0000';

/** `ReadResp.event`. With `link`, `record` is what the link points at; undefined when that is not there. */
export function eventFrame(record: EventRecord | undefined, link: EventRecord | undefined, idsAsText: boolean): Buffer {
  writeEvent(record, link, idsAsText);
  return writer.finishFrame();
}

/** `ReadResp.event` of each, frame after frame in one buffer. */
export function eventFrames(records: readonly EventRecord[], idsAsText: boolean): Buffer {
  for (const record of records.toReversed()) {
    const frame = writer.mark();
    writeEvent(record, undefined, idsAsText);
    writer.frame(frame);
  }
  return writer.finish();
}

function writeEvent(record: EventRecord | undefined, link: EventRecord | undefined, idsAsText: boolean): void {
  const position = (link ?? record)?.position ?? 0;
  const event = writer.mark();
  writer.uint64(3, position);
  if (link) writeRecord(2, link, position, idsAsText);
  if (record) writeRecord(1, record, position, idsAsText);
  writer.message(1, event);
}

function writeRecord(field: number, record: EventRecord, position: number, idsAsText: boolean): void {
  const mark = writer.mark();
  if (record.data.byteLength > 0) writer.bytes(8, record.data);
  if (record.metadata.byteLength > 0) writer.bytes(7, record.metadata);
  writer.mapEntry(6, 'content-type', record.isJson ? 'application/json' : 'application/octet-stream');
  writer.mapEntry(6, 'created', `${record.createdAt}${TICKS_PER_MILLISECOND}`);
  writer.mapEntry(6, 'type', record.type);
  writer.uint64(5, position);
  writer.uint64(4, position);
  writer.uint64(3, record.revision === TOMBSTONE_REVISION ? TOMBSTONE_ON_THE_WIRE : record.revision);
  writeStreamIdentifier(2, record.streamName);
  writeUuid(writer, 1, record.id, idsAsText);
  writer.message(field, mark);
}

function writeStreamIdentifier(field: number, streamName: string): void {
  const mark = writer.mark();
  writer.string(3, streamName);
  writer.message(field, mark);
}

function writePosition(field: number, position: number): void {
  const mark = writer.mark();
  writer.uint64(2, position);
  writer.uint64(1, position);
  writer.message(field, mark);
}

/** `ReadResp.confirmation`. */
export function confirmationFrame(subscriptionId: string): Buffer {
  const mark = writer.mark();
  writer.string(1, subscriptionId);
  writer.message(2, mark);
  return writer.finishFrame();
}

/** `ReadResp.checkpoint`. */
export function checkpointFrame(position: number): Buffer {
  writePosition(3, position);
  return writer.finishFrame();
}

/** `ReadResp.stream_not_found`. */
export function streamNotFoundFrame(streamName: string): Buffer {
  const mark = writer.mark();
  writeStreamIdentifier(1, streamName);
  writer.message(4, mark);
  return writer.finishFrame();
}

/** `ReadResp.caught_up`. */
export function caughtUpFrame(): Buffer {
  writer.empty(8);
  return writer.finishFrame();
}

/** `ReadResp.fell_behind`. */
export function fellBehindFrame(): Buffer {
  writer.empty(9);
  return writer.finishFrame();
}

type Written = Extract<WriteOutcome, { kind: 'written' }>;

/** Field `field`: the same fields in `AppendResp.Success` and `BatchAppendResp.Success`. */
function writeSuccess(field: number, { revision, position }: Written): void {
  const mark = writer.mark();
  if (position === undefined) writer.empty(4);
  else writePosition(3, position);
  if (revision < 0) writer.empty(2);
  else writer.uint64(1, revision);
  writer.message(field, mark);
}

/** `AppendResp.success`. */
export function appendedFrame(written: Written): Buffer {
  writeSuccess(1, written);
  return writer.finishFrame();
}

/** `AppendResp.wrong_expected_version`. */
export function wrongExpectedVersionFrame(expected: ExpectedRevision, current: number): Buffer {
  const mark = writer.mark();
  if (expected === 'no_stream') writer.empty(11);
  else if (expected === 'stream_exists') writer.empty(10);
  else if (expected === 'any') writer.empty(9);
  else writer.uint64(8, expected);
  if (current < 0) writer.empty(7);
  else writer.uint64(6, current);
  writer.message(2, mark);
  return writer.finishFrame();
}

/** `DeleteResp` and `TombstoneResp`. */
export function deletedFrame({ position }: Written): Buffer {
  if (position === undefined) writer.empty(2);
  else writePosition(1, position);
  return writer.finishFrame();
}

/** Why a batch append failed, as the client tells its typed errors apart. */
export type BatchAppendFailure =
  | { readonly kind: 'wrong_expected_revision'; readonly expected: ExpectedRevision; readonly current: number }
  | { readonly kind: 'stream_deleted' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'too_large'; readonly limit: number }
  | { readonly kind: 'bad_request'; readonly message: string }
  | { readonly kind: 'internal'; readonly message: string };

/** `BatchAppendResp.success`. */
export function batchAppendedFrame(correlationId: Buffer, streamName: string, written: Written): Buffer {
  writeStreamIdentifier(4, streamName);
  writeSuccess(3, written);
  writer.bytes(1, correlationId);
  return writer.finishFrame();
}

/** `BatchAppendResp.error`. */
export function batchAppendFailedFrame(correlationId: Buffer, streamName: string, failure: BatchAppendFailure): Buffer {
  writeStreamIdentifier(4, streamName);
  const status = writer.mark();
  const { code, message } = writeFailureDetails(failure, streamName);
  writer.string(2, message);
  writer.uint64(1, code);
  writer.message(2, status);
  writer.bytes(1, correlationId);
  return writer.finishFrame();
}

/** The `details` of a `google.rpc.Status`; returns its code (google/rpc/code.proto) and message. */
function writeFailureDetails(failure: BatchAppendFailure, streamName: string): { code: number; message: string } {
  const details = writer.mark();
  const value = writer.mark();
  const pack = (type: string) => {
    writer.message(2, value);
    writer.string(1, `type.googleapis.com/${type}`);
    writer.message(3, details);
  };
  switch (failure.kind) {
    case 'wrong_expected_revision':
      if (failure.expected === 'no_stream') writer.empty(6);
      else if (failure.expected === 'stream_exists') writer.empty(5);
      else if (failure.expected === 'any') writer.empty(4);
      else writer.uint64(3, failure.expected);
      if (failure.current < 0) writer.empty(2);
      else writer.uint64(1, failure.current);
      pack('event_store.client.WrongExpectedVersion');
      return { code: 6, message: 'WrongExpectedVersion' };
    case 'stream_deleted':
      writeStreamIdentifier(1, streamName);
      pack('event_store.client.StreamDeleted');
      return { code: 5, message: 'StreamDeleted' };
    case 'timeout':
      pack('event_store.client.Timeout');
      return { code: 4, message: 'Timeout' };
    case 'too_large':
      writer.uint64(1, failure.limit);
      pack('event_store.client.MaximumAppendSizeExceeded');
      return { code: 3, message: 'MaximumAppendSizeExceeded' };
    case 'bad_request':
      writer.string(1, failure.message);
      pack('event_store.client.BadRequest');
      return { code: 3, message: failure.message };
    case 'internal':
      pack('google.protobuf.Empty');
      return { code: 13, message: failure.message };
    default:
      return failure satisfies never;
  }
}

/** `SupportedMethods`: each method by service, with the features it has. */
export function supportedMethodsFrame(
  version: string,
  methods: readonly { service: string; method: string; features: readonly string[] }[],
): Buffer {
  writer.string(2, version);
  for (const { service, method, features } of methods.toReversed()) {
    const mark = writer.mark();
    for (const feature of features.toReversed()) writer.string(3, feature);
    writer.string(2, service);
    writer.string(1, method);
    writer.message(1, mark);
  }
  return writer.finishFrame();
}
