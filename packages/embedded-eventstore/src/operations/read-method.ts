import type { GrpcCall, GrpcMethod } from '../grpc/call.ts';
import { serverStreaming } from '../grpc/methods.ts';
import type { EventLog } from '../log/event-log.ts';
import { firstVisible, isExpired, isSoftDeleted } from '../log/stream-metadata.ts';
import type { EventRecord } from '../storage/record.ts';
import { readReadRequest, type ReadRequest } from '../wire/read-request.ts';
import { streamNotFoundFrame } from '../wire/responses.ts';
import { createEventEncoder } from './encode-event.ts';
import { paceOf, PAGE } from './pace.ts';
import { streamDeleted } from './refusals.ts';
import { subscribeToLog, subscribeToStream } from './subscribe.ts';
import { isWanted } from './wanted.ts';

/** `Streams/Read`: reads and subscriptions, of a stream or of the whole log. */
export function readMethod(log: EventLog): GrpcMethod {
  return serverStreaming(async (bytes, call) => {
    const request = readReadRequest(bytes);
    const { streamName } = request;
    if (request.count === 'subscription') {
      await (streamName === undefined ? subscribeToLog(log, request, call) : subscribeToStream(log, streamName, request, call));
    } else {
      await (streamName === undefined
        ? readLog(log, request, request.count, call)
        : readStream(log, streamName, request, request.count, call));
    }
  });
}

/** Forwards from a revision on; backwards from it towards 0. Deleted, truncated and expired events are not there. */
async function readStream(log: EventLog, streamName: string, request: ReadRequest, count: number, call: GrpcCall): Promise<void> {
  const encode = createEventEncoder(log, request);
  const pace = paceOf(call);
  const before = log.stream(streamName);
  if (log.isTombstoned(before)) throw streamDeleted(streamName);
  if (before.lastRevision < 0 || isSoftDeleted(before.metadata)) {
    call.send(streamNotFoundFrame(streamName));
    return;
  }
  let next = startOf(request, before.lastRevision);
  let rest = count;
  while (rest > 0 && !call.isClosed()) {
    // Both may have changed while the caller took the last page.
    const { metadata, lastRevision } = log.stream(streamName);
    const first = firstVisible(metadata, lastRevision);
    if (!request.backwards) next = Math.max(next, first);
    const page = log.streamPage(log.stream(streamName), next, request.backwards, {
      ...PAGE,
      events: Math.min(PAGE.events, rest),
    });
    const now = Date.now();
    const visible = page.filter((record) => record.revision >= first && !isExpired(metadata, record.createdAt, now));
    if (visible.length > 0) call.send(encode(visible));
    rest -= visible.length;
    const last = page.at(-1);
    if (!last || (request.backwards ? last.revision <= first : last.revision >= lastRevision)) return;
    next = request.backwards ? last.revision - 1 : last.revision + 1;
    await pace();
  }
}

/** An end is the far one in the direction of the read when there is nothing left to read there. */
function startOf({ from, backwards }: ReadRequest, lastRevision: number): number {
  if (from === 'start') return 0;
  if (from === 'end') return backwards ? lastRevision : lastRevision + 1;
  return from;
}

/** Forwards from a position on, that one included; backwards before it, that one excluded. */
async function readLog(log: EventLog, request: ReadRequest, count: number, call: GrpcCall): Promise<void> {
  const { from, backwards, filter } = request;
  const encode = createEventEncoder(log, request);
  const pace = paceOf(call);
  let cursor = from === 'start' ? 0 : from === 'end' ? Number.MAX_SAFE_INTEGER : backwards ? from : from - 1;
  let rest = count;
  while (rest > 0 && !call.isClosed()) {
    const limit = filter ? PAGE : { ...PAGE, events: Math.min(PAGE.events, rest) };
    const page: EventRecord[] = backwards ? log.pageBefore(cursor, limit) : log.pageAfter(cursor, limit).records;
    const wanted = page.filter((record) => isWanted(filter, record)).slice(0, rest);
    if (wanted.length > 0) call.send(encode(wanted));
    rest -= wanted.length;
    const last = page.at(-1);
    if (!last) return;
    cursor = last.position;
    await pace();
  }
}
