import { GrpcCode, GrpcError } from '../grpc/status.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { readStreamIdentifier } from './write-requests.ts';

/** Where a read begins: a revision in a stream, a position in the log, or one of its ends. */
type ReadFrom = number | 'start' | 'end';

export interface EventFilter {
  readonly on: 'stream_name' | 'event_type';
  readonly matches: (text: string) => boolean;
  /** A subscription reports its position whenever it has looked at so many events. */
  readonly checkpointInterval: number;
}

export interface ReadRequest {
  /** Undefined: the whole log, `$all`. */
  readonly streamName: string | undefined;
  readonly from: ReadFrom;
  readonly backwards: boolean;
  readonly resolveLinks: boolean;
  /** How many events at most; a subscription never ends. */
  readonly count: number | 'subscription';
  readonly filter: EventFilter | undefined;
  readonly idsAsText: boolean;
}

/** EventStoreDB looks at so many events at a time when the caller does not say. */
const SEARCH_WINDOW = 32;

/** `ReadReq`. Throws `INVALID_ARGUMENT` for what cannot be answered. */
export function readReadRequest(bytes: Buffer): ReadRequest {
  const request = new ProtobufReader(bytes);
  let options: ProtobufReader | undefined;
  for (let field = request.next(); field !== 0; field = request.next()) {
    if (field === 1) options = request.message();
    else request.skip();
  }
  if (!options) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the options are missing');
  const read = readOptions(options);
  if (read.count === 'subscription' && read.backwards) {
    throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'a subscription cannot go backwards');
  }
  if (read.filter && read.streamName !== undefined) {
    throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'only $all can be filtered');
  }
  return read;
}

function readOptions(options: ProtobufReader): ReadRequest {
  let source: Pick<ReadRequest, 'streamName' | 'from'> | undefined;
  let [backwards, resolveLinks, idsAsText] = [false, false, false];
  let count: ReadRequest['count'] | undefined;
  let filter: EventFilter | undefined;
  for (let field = options.next(); field !== 0; field = options.next()) {
    if (field === 1) source = readStreamSource(options.message());
    else if (field === 2) source = readLogSource(options.message());
    else if (field === 3) backwards = options.varint() === 1;
    else if (field === 4) resolveLinks = options.bool();
    else if (field === 5) count = options.varint();
    else if (field === 7) filter = readFilter(options.message());
    else if (field === 9) idsAsText = readIsText(options.message());
    else {
      if (field === 6) count = 'subscription';
      options.skip();
    }
  }
  if (!source || count === undefined)
    throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the source or the count of the read is missing');
  return { ...source, backwards, resolveLinks, count, filter, idsAsText };
}

function readStreamSource(message: ProtobufReader): Pick<ReadRequest, 'streamName' | 'from'> {
  let streamName = '';
  let from: ReadFrom = 'start';
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) streamName = readStreamIdentifier(message.message());
    else if (field === 2) from = message.varint();
    else {
      if (field === 4) from = 'end';
      message.skip();
    }
  }
  if (streamName === '') throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the name of the stream is missing');
  return { streamName, from };
}

function readLogSource(message: ProtobufReader): Pick<ReadRequest, 'streamName' | 'from'> {
  let from: ReadFrom = 'start';
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) from = readCommitPosition(message.message());
    else {
      if (field === 3) from = 'end';
      message.skip();
    }
  }
  return { streamName: undefined, from };
}

function readCommitPosition(message: ProtobufReader): number {
  let position = 0;
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) position = message.varint();
    else message.skip();
  }
  return position;
}

function readFilter(message: ProtobufReader): EventFilter {
  let on: EventFilter['on'] = 'stream_name';
  let matches: EventFilter['matches'] = () => true;
  let [window, multiplier] = [SEARCH_WINDOW, 1];
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1 || field === 2) {
      on = field === 1 ? 'stream_name' : 'event_type';
      matches = readExpression(message.message());
    } else if (field === 3) {
      window = message.varint();
    } else if (field === 5) {
      multiplier = message.varint();
    } else {
      message.skip();
    }
  }
  if (window < 1 || multiplier < 1) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the checkpoint interval must be at least 1');
  return { on, matches, checkpointInterval: window * multiplier };
}

function readExpression(message: ProtobufReader): EventFilter['matches'] {
  let regex = '';
  const prefixes: string[] = [];
  for (let field = message.next(); field !== 0; field = message.next()) {
    if (field === 1) regex = message.string();
    else if (field === 2) prefixes.push(message.string());
    else message.skip();
  }
  if (regex === '') return (text) => prefixes.some((prefix) => text.startsWith(prefix));
  try {
    const pattern = new RegExp(regex, 'u');
    return (text) => pattern.test(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrpcError(GrpcCode.INVALID_ARGUMENT, `the filter is not a regular expression: ${reason}`);
  }
}

function readIsText(message: ProtobufReader): boolean {
  let isText = false;
  for (let field = message.next(); field !== 0; field = message.next()) {
    isText = field === 2;
    message.skip();
  }
  return isText;
}
