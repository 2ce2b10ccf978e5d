import { randomUUID } from 'node:crypto';
import type { LogTransaction, Place, ProposedEvent } from '../log/event-log.ts';
import {
  isMetadataStream,
  isSoftDeleted,
  METADATA_EVENT_TYPE,
  metadataStreamOf,
  originalStreamOf,
  softDeletion,
  TOMBSTONE_EVENT_TYPE,
  truncatedBefore,
} from '../log/stream-metadata.ts';
import type { StreamState } from '../log/stream-states.ts';
import { TOMBSTONE_REVISION } from '../storage/record.ts';
import { type AppendDecision, decideAppend, type ExpectedRevision, type StreamFacts } from './decide-append.ts';

export type WriteOutcome =
  /** `position` is undefined when there was nothing to write. */
  | { readonly kind: 'written'; readonly revision: number; readonly position: number | undefined }
  | { readonly kind: 'wrong_expected_revision'; readonly current: number }
  | { readonly kind: 'stream_deleted' };

/** Decides and, when it is to be written, writes. Atomic on its own: it writes all of its events or none. */
export function append(
  log: LogTransaction,
  streamName: string,
  expected: ExpectedRevision,
  events: readonly ProposedEvent[],
): WriteOutcome {
  const stream = log.stream(streamName);
  const decision = decideAppend(
    factsOf(log, stream),
    expected,
    events.map((event) => event.id),
  );
  if (decision.kind === 'repeated') return { kind: 'written', ...decision.last };
  if (decision.kind !== 'write') return refusal(decision, stream);
  if (events.length === 0) return { kind: 'written', revision: stream.lastRevision, position: undefined };

  return { kind: 'written', ...writeAndRevive(log, stream, events) };
}

/** Events written to a soft-deleted stream, or metadata given to one, bring it back: what comes from now on is read, what was before is not. */
function writeAndRevive(log: LogTransaction, stream: StreamState, events: readonly ProposedEvent[]): Place {
  const deleted = isMetadataStream(stream.name) ? log.stream(originalStreamOf(stream.name)) : stream;
  if (!isSoftDeleted(deleted.metadata)) return log.write(stream, events);
  const firstRead = deleted.lastRevision + 1;
  const place = log.write(stream, events);
  const metadataStream = log.stream(metadataStreamOf(deleted.name));
  const current = log.eventAt(metadataStream, metadataStream.lastRevision);
  log.write(metadataStream, [metadataEvent(truncatedBefore(current?.data ?? Buffer.alloc(0), firstRead), randomUUID())]);
  return place;
}

const metadataEvent = (data: Buffer, id: string): ProposedEvent => ({
  id,
  type: METADATA_EVENT_TYPE,
  isJson: true,
  data,
  metadata: Buffer.alloc(0),
});

/**
 * Deletes a stream. Softly: its events are no longer read, and it can be written again, its revisions going on. With a tombstone: it can never
 * be written or read again.
 */
export function deleteStream(
  log: LogTransaction,
  streamName: string,
  expected: ExpectedRevision,
  tombstone: boolean,
): WriteOutcome {
  const stream = log.stream(streamName);
  // An id of its own: a deletion is never the repetition of another.
  const id = randomUUID();
  const decision = decideAppend(factsOf(log, stream), expected, [id]);
  if (decision.kind !== 'write') return refusal(decision, stream);
  if (tombstone) {
    const end = { id, type: TOMBSTONE_EVENT_TYPE, isJson: false, data: Buffer.alloc(0), metadata: Buffer.alloc(0) };
    return { kind: 'written', ...log.write(stream, [end], TOMBSTONE_REVISION) };
  }
  const metadataStream = log.stream(metadataStreamOf(streamName));
  if (stream.lastRevision < 0 && metadataStream.lastRevision < 0) return { kind: 'wrong_expected_revision', current: -1 };
  return { kind: 'written', ...log.write(metadataStream, [metadataEvent(softDeletion(), id)]) };
}

function factsOf(log: LogTransaction, stream: StreamState): StreamFacts {
  return {
    lastRevision: stream.lastRevision,
    tombstoned: log.isTombstoned(stream),
    softDeleted: isSoftDeleted(stream.metadata),
    get hasMetadata() {
      return log.stream(metadataStreamOf(stream.name)).lastRevision >= 0;
    },
    idAt: (revision) => log.idAt(stream, revision),
    findId: (id) => log.findId(stream, id),
  };
}

function refusal(decision: AppendDecision, stream: StreamState): WriteOutcome {
  return decision.kind === 'stream_deleted'
    ? { kind: 'stream_deleted' }
    : { kind: 'wrong_expected_revision', current: stream.lastRevision };
}
