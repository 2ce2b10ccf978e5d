import type { GrpcCall, GrpcMethod } from '../grpc/call.ts';
import { GrpcCode, GrpcError } from '../grpc/status.ts';
import type { EventLog, LogTransaction, ProposedEvent } from '../log/event-log.ts';
import { type BatchAppendFailure, batchAppendedFrame, batchAppendFailedFrame } from '../wire/responses.ts';
import { readBatchAppendPart, type WriteTarget } from '../wire/write-requests.ts';
import { append, type WriteOutcome } from './append.ts';
import { LARGEST_APPEND, sizeOf } from './write-methods.ts';

/** An append whose last part has not come yet. */
interface Unfinished {
  readonly target: WriteTarget;
  readonly events: ProposedEvent[];
  size: number;
}

/** A caller that leaves more appends than this unfinished is mistaken. */
const MOST_UNFINISHED = 1_000;

/**
 * `Streams/BatchAppend`: one long call that carries many appends, each in one or more parts, answered in the order they were decided. Answers that
 * the caller does not take stop the reading of its appends.
 */
export function batchAppendMethod(log: EventLog): GrpcMethod {
  return (call) => {
    const unfinished = new Map<string, Unfinished>();
    let inFlight = 0;
    let halfClosed = false;

    const answer = (frame: Buffer) => {
      if (!call.send(frame)) holdBack(call);
    };
    const finish = (correlationId: Buffer, { target, events }: Unfinished) => {
      inFlight += 1;
      log.submit(
        (open) => appendInTime(open, target, events),
        (settled) => {
          inFlight -= 1;
          const { streamName } = target;
          if (!settled.ok)
            answer(batchAppendFailedFrame(correlationId, streamName, { kind: 'internal', message: settled.error.message }));
          else if (settled.answer.kind === 'written') answer(batchAppendedFrame(correlationId, streamName, settled.answer));
          else answer(batchAppendFailedFrame(correlationId, streamName, failureOf(settled.answer, target)));
          if (halfClosed && inFlight === 0) call.end();
        },
      );
    };

    return {
      message(bytes) {
        const { correlationId, target, events, isFinal, problem } = readBatchAppendPart(bytes);
        const key = correlationId.toString('latin1');
        if (problem !== undefined) {
          unfinished.delete(key);
          answer(batchAppendFailedFrame(correlationId, target?.streamName ?? '', { kind: 'bad_request', message: problem }));
          return;
        }
        const current = unfinished.get(key) ?? (target && { target, events: [], size: 0 });
        // A later part of an append that was refused already.
        if (!current) return;
        for (const event of events) {
          current.events.push(event);
          current.size += sizeOf(event);
        }
        if (current.size > LARGEST_APPEND) {
          unfinished.delete(key);
          answer(batchAppendFailedFrame(correlationId, current.target.streamName, { kind: 'too_large', limit: LARGEST_APPEND }));
        } else if (isFinal) {
          unfinished.delete(key);
          finish(correlationId, current);
        } else {
          unfinished.set(key, current);
          if (unfinished.size > MOST_UNFINISHED) {
            throw new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, `more than ${MOST_UNFINISHED} appends were begun and not finished`);
          }
        }
      },
      halfClose() {
        halfClosed = true;
        if (inFlight === 0) call.end();
      },
    };
  };
}

type Outcome = WriteOutcome | { readonly kind: 'timeout' };

/** An append whose deadline is over when its turn comes is not written. */
function appendInTime(
  log: LogTransaction,
  { streamName, expected, deadline }: WriteTarget,
  events: readonly ProposedEvent[],
): Outcome {
  if (deadline !== undefined && deadline <= Date.now()) return { kind: 'timeout' };
  return append(log, streamName, expected, events);
}

function failureOf(outcome: Exclude<Outcome, { kind: 'written' }>, { expected }: WriteTarget): BatchAppendFailure {
  return outcome.kind === 'wrong_expected_revision' ? { ...outcome, expected } : outcome;
}

function holdBack(call: GrpcCall): void {
  call.pause();
  void call.drained().then(call.resume);
}
