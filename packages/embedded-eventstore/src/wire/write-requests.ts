import { GrpcCode, GrpcError } from '../grpc/status.ts';
import type { ProposedEvent } from '../log/event-log.ts';
import type { ExpectedRevision } from '../operations/decide-append.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { readUuid } from './uuid.ts';

/** Which stream a write is for, and what it expects of it. */
export interface WriteTarget {
  readonly streamName: string;
  readonly expected: ExpectedRevision;
  /** Milliseconds since 1970; only batch appends carry it. */
  readonly deadline: number | undefined;
}

export interface BatchAppendPart {
  /** The message `UUID` as it came, to be sent back. */
  readonly correlationId: Buffer;
  /** In the first part only. */
  readonly target: WriteTarget | undefined;
  readonly events: readonly ProposedEvent[];
  readonly isFinal: boolean;
  /** Why this append cannot be taken; it says nothing about the others of the call. */
  readonly problem: string | undefined;
}

/** `BatchAppendReq`. */
export function readBatchAppendPart(bytes: Buffer): BatchAppendPart {
  const message = new ProtobufReader(bytes);
  let correlationId: Buffer = Buffer.alloc(0);
  let target: WriteTarget | undefined;
  const events: ProposedEvent[] = [];
  let isFinal = false;
  let problem: string | undefined;
  try {
    for (let field = message.next(); field !== 0; field = message.next()) {
      if (field === 1) correlationId = message.bytes();
      else if (field === 2) target = readTarget(message.message());
      else if (field === 3) events.push(readProposedEvent(message.message()));
      else if (field === 4) isFinal = message.bool();
      else message.skip();
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  return { correlationId, target, events, isFinal, problem };
}

/** `AppendReq`: the target in the first message of a call, an event in each of the others. */
export function readAppendPart(bytes: Buffer): { target: WriteTarget | undefined; event: ProposedEvent | undefined } {
  const message = new ProtobufReader(bytes);
  let target: WriteTarget | undefined;
  let event: ProposedEvent | undefined;
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) target = readTarget(message.message());
    else if (field === 2) event = readProposedEvent(message.message());
    else message.skip();
  }
  return { target, event };
}

/** `DeleteReq` and `TombstoneReq`. */
export function readDeletion(bytes: Buffer): WriteTarget {
  const { target } = readAppendPart(bytes);
  if (!target) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the options are missing');
  return target;
}

/** The `Options` of every write have the same fields. */
function readTarget(message: ProtobufReader): WriteTarget {
  let streamName = '';
  let expected: ExpectedRevision | undefined;
  let deadline: number | undefined;
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) {
      streamName = readStreamIdentifier(message.message());
    } else if (field === 2) {
      expected = message.varint();
    } else if (field === 3 || field === 4 || field === 5) {
      expected = field === 3 ? 'no_stream' : field === 4 ? 'any' : 'stream_exists';
      message.skip();
    } else if (field === 6) {
      deadline = readMilliseconds(message.message());
    } else if (field === 7) {
      deadline = Date.now() + readMilliseconds(message.message());
    } else {
      message.skip();
    }
  }
  if (streamName === '' || streamName === '$all') {
    throw new GrpcError(GrpcCode.INVALID_ARGUMENT, `'${streamName}' is not the name of a stream that can be written`);
  }
  if (expected === undefined) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the expected revision is missing');
  return { streamName, expected, deadline };
}

/** `StreamIdentifier`. */
export function readStreamIdentifier(message: ProtobufReader): string {
  let name = '';
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 3) name = message.string();
    else message.skip();
  }
  return name;
}

/** `Timestamp` and `Duration` have the same fields. */
function readMilliseconds(message: ProtobufReader): number {
  let milliseconds = 0;
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) milliseconds += Number(message.int64()) * 1000;
    else if (field === 2) milliseconds += message.varint() / 1e6;
    else message.skip();
  }
  return milliseconds;
}

/** `ProposedMessage`, the same in both ways of appending. */
function readProposedEvent(message: ProtobufReader): ProposedEvent {
  let id: string | undefined;
  let type: string | undefined;
  let contentType: string | undefined;
  let data: Buffer = Buffer.alloc(0);
  let metadata: Buffer = Buffer.alloc(0);
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) {
      id = readUuid(message.message());
    } else if (field === 2) {
      const [key, value] = readMapEntry(message.message());
      if (key === 'type') type = value;
      else if (key === 'content-type') contentType = value;
    } else if (field === 3) {
      metadata = message.bytes();
    } else if (field === 4) {
      data = message.bytes();
    } else {
      message.skip();
    }
  }
  if (id === undefined) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'an event has no id');
  if (type === undefined) throw propertyMissing('type');
  if (contentType === undefined) throw propertyMissing('content-type');
  return { id, type, isJson: contentType === 'application/json', data, metadata };
}

function readMapEntry(message: ProtobufReader): [key: string, value: string] {
  let [key, value] = ['', ''];
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) key = message.string();
    else if (field === 2) value = message.string();
    else message.skip();
  }
  return [key, value];
}

function propertyMissing(name: string): GrpcError {
  return new GrpcError(GrpcCode.INVALID_ARGUMENT, `Required Metadata Property '${name}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}
