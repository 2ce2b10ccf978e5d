import { randomUUID } from 'node:crypto';
import type { GrpcCall } from '../grpc/call.ts';
import type { EventLog } from '../log/event-log.ts';
import { firstVisible, isExpired, isSoftDeleted } from '../log/stream-metadata.ts';
import type { StreamState } from '../log/stream-states.ts';
import { type EventRecord, TOMBSTONE_REVISION } from '../storage/record.ts';
import type { EventFilter, ReadRequest } from '../wire/read-request.ts';
import { caughtUpFrame, checkpointFrame, confirmationFrame, fellBehindFrame } from '../wire/responses.ts';
import { createEventEncoder } from './encode-event.ts';
import { paceOf, PAGE } from './pace.ts';
import { streamDeleted } from './refusals.ts';
import { isWanted } from './wanted.ts';

/**
 * Follows the log after a position, that one excluded. There is one way to an event, catching up or live: the pages after the cursor, from memory
 * near the head and from disk behind it. So none is skipped or doubled, and a reader that does not keep up costs one page.
 */
export async function subscribeToLog(log: EventLog, request: ReadRequest, call: GrpcCall): Promise<void> {
  const { from, filter } = request;
  const encode = createEventEncoder(log, request);
  const pace = paceOf(call);
  const growth = followGrowth(log, undefined, call);
  const checkpoints = createCheckpoints(filter, call);
  let cursor = from === 'start' ? 0 : from === 'end' ? log.head() : from;
  let live = cursor >= log.head();

  call.send(confirmationFrame(randomUUID()));
  if (live) call.send(caughtUpFrame());
  while (!call.isClosed()) {
    const { records, fromMemory } = log.pageAfter(cursor, PAGE);
    const last = records.at(-1);
    if (last) {
      if (live && !fromMemory) {
        live = false;
        call.send(fellBehindFrame());
      }
      call.together(() => {
        let wanted: EventRecord[] = [];
        const hand = () => {
          if (wanted.length > 0) call.send(encode(wanted, fromMemory));
          wanted = [];
        };
        for (const record of records) {
          if (isWanted(filter, record)) wanted.push(record);
          if (!checkpoints.isDue()) continue;
          hand();
          checkpoints.reached(record.position);
        }
        hand();
      });
      cursor = last.position;
      await pace();
    } else if (live) {
      await growth.next();
    } else {
      live = true;
      checkpoints.reached(cursor);
      call.send(caughtUpFrame());
    }
  }
}

/** Tells the reader of a filtered subscription how far the log was searched: every so many events, and on catching up. */
function createCheckpoints(filter: EventFilter | undefined, call: GrpcCall) {
  let considered = 0;
  let reported = 0;
  return {
    /** To be asked after each event that was looked at. */
    isDue(): boolean {
      considered += 1;
      return filter !== undefined && considered >= filter.checkpointInterval;
    },
    reached(position: number): void {
      considered = 0;
      if (!filter || position <= reported) return;
      reported = position;
      call.send(checkpointFrame(position));
    },
  };
}

/** Follows a stream after a revision, that one excluded; also one that does not exist yet. Ends with `stream-deleted` at a tombstone. */
export async function subscribeToStream(log: EventLog, streamName: string, request: ReadRequest, call: GrpcCall): Promise<void> {
  const { from } = request;
  const encode = createEventEncoder(log, request);
  const pace = paceOf(call);
  const growth = followGrowth(log, streamName, call);
  if (log.isTombstoned(log.stream(streamName))) throw streamDeleted(streamName);
  const { lastRevision } = log.stream(streamName);
  let next = from === 'start' ? 0 : from === 'end' ? lastRevision + 1 : from + 1;
  let live = next > lastRevision;

  call.send(confirmationFrame(randomUUID()));
  if (live) call.send(caughtUpFrame());
  while (!call.isClosed()) {
    const stream = log.stream(streamName);
    const { metadata } = stream;
    next = Math.max(next, firstDelivered(stream));
    const page = log.streamPage(stream, next, false, PAGE);
    const last = page.at(-1);
    if (last) {
      const now = Date.now();
      call.together(() => {
        const delivered = page.filter((record) => !isExpired(metadata, record.createdAt, now));
        if (delivered.length > 0) call.send(encode(delivered));
      });
      if (last.revision === TOMBSTONE_REVISION) throw streamDeleted(streamName);
      next = last.revision + 1;
      await pace();
    } else if (live) {
      await growth.next();
    } else {
      live = true;
      call.send(caughtUpFrame());
    }
  }
}

function firstDelivered({ metadata, lastRevision }: StreamState): number {
  // The tombstone itself is delivered. What its revision says of `$maxCount` means nothing.
  const end = lastRevision === TOMBSTONE_REVISION ? lastRevision : lastRevision + 1;
  return isSoftDeleted(metadata) ? end : Math.min(firstVisible(metadata, lastRevision), end);
}

/** `next` is fulfilled at the first growth since it was last fulfilled, at once if that has happened already, and when the call is closed. */
function followGrowth(log: EventLog, streamName: string | undefined, call: GrpcCall) {
  let grown = false;
  let wake: (() => void) | undefined;
  const announce = () => {
    grown = true;
    wake?.();
  };
  const stop = log.onGrowth(streamName, announce);
  call.onClose(() => {
    stop();
    announce();
  });
  return {
    async next() {
      if (!grown && !call.isClosed()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      grown = false;
    },
  };
}
