import type { GrpcCall, GrpcMethod } from '../grpc/call.ts';
import { unary } from '../grpc/methods.ts';
import { GrpcCode, GrpcError } from '../grpc/status.ts';
import type { EventLog, LogTransaction, ProposedEvent } from '../log/event-log.ts';
import { appendedFrame, deletedFrame, wrongExpectedVersionFrame } from '../wire/responses.ts';
import { readAppendPart, readDeletion, type WriteTarget } from '../wire/write-requests.ts';
import { append, deleteStream, type WriteOutcome } from './append.ts';
import type { ExpectedRevision } from './decide-append.ts';
import { streamDeleted } from './refusals.ts';

/** What one append may hold; EventStoreDB's default. */
export const LARGEST_APPEND = 1024 * 1024;

export const sizeOf = (event: ProposedEvent): number => event.type.length + event.data.byteLength + event.metadata.byteLength;

/** `Streams/Append`: the target first, then one message an event, one answer at the end. */
export function appendMethod(log: EventLog): GrpcMethod {
  return (call) => {
    const events: ProposedEvent[] = [];
    let target: WriteTarget | undefined;
    let size = 0;
    return {
      message(bytes) {
        const part = readAppendPart(bytes);
        target ??= part.target;
        if (!part.event) return;
        size += sizeOf(part.event);
        if (size > LARGEST_APPEND) throw appendTooLarge();
        events.push(part.event);
      },
      halfClose() {
        if (!target) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the options are missing');
        const { streamName, expected } = target;
        log.submit(
          // Its caller gave up before it was written: then it never is.
          (open) => (call.isClosed() ? undefined : append(open, streamName, expected, events)),
          (settled) => {
            if (!settled.ok) call.end({ code: GrpcCode.INTERNAL, message: settled.error.message });
            else if (settled.answer) answerAppend(call, streamName, expected, settled.answer);
          },
        );
      },
    };
  };
}

function answerAppend(call: GrpcCall, streamName: string, expected: ExpectedRevision, outcome: WriteOutcome): void {
  if (outcome.kind === 'stream_deleted') {
    call.end(streamDeleted(streamName).status);
    return;
  }
  call.send(outcome.kind === 'written' ? appendedFrame(outcome) : wrongExpectedVersionFrame(expected, outcome.current));
  call.end();
}

/** `Streams/Delete`, and `Streams/Tombstone` for good. */
export function deleteMethod(log: EventLog, tombstone: boolean): GrpcMethod {
  return unary(async (request) => {
    const { streamName, expected } = readDeletion(request);
    const outcome = await submitted(log, (open) => deleteStream(open, streamName, expected, tombstone));
    if (outcome.kind === 'written') return deletedFrame(outcome);
    if (outcome.kind === 'stream_deleted') throw streamDeleted(streamName);
    throw wrongExpectedVersion(streamName, expected, outcome.current);
  });
}

function submitted<Answer>(log: EventLog, work: (transaction: LogTransaction) => Answer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    log.submit(work, (settled) => {
      if (settled.ok) resolve(settled.answer);
      else reject(settled.error);
    });
  });
}

/** The protocol's numbers for the words. */
const asNumber = (expected: ExpectedRevision): number =>
  expected === 'no_stream' ? -1 : expected === 'any' ? -2 : expected === 'stream_exists' ? -4 : expected;

function wrongExpectedVersion(streamName: string, expected: ExpectedRevision, current: number): GrpcError {
  const message = `Delete failed due to WrongExpectedVersion. Stream: ${streamName}, Expected version: ${asNumber(expected)}, Actual version: ${current}`;
  return new GrpcError(GrpcCode.FAILED_PRECONDITION, message, {
    exception: 'wrong-expected-version',
    'stream-name': streamName,
    'expected-version': String(asNumber(expected)),
    'actual-version': String(current),
  });
}

function appendTooLarge(): GrpcError {
  return new GrpcError(GrpcCode.INVALID_ARGUMENT, `Maximum Append Size of ${LARGEST_APPEND} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(LARGEST_APPEND),
  });
}
