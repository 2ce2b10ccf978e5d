import { isVersionConflict, VersionConflict } from '@ultracore/event-sourcing';
import type { Append } from './batch-append.ts';
import type { Connection } from './connection.ts';
import { EventStoreDbError, isEventStoreDbError, messageOf } from './errors.ts';
import { readStreamOnce } from './read.ts';
import { readStream } from './read-stream.ts';
import { untilDeadline, within } from './retry.ts';

export interface AppendAnswer {
  revision: bigint;
  position: bigint;
}

/**
 * Appends, and finds out what happened when the answer was lost: the stream is read where the events would stand. They are there: success. Others
 * are there: conflict, and no late write of ours can succeed any more. Nothing is there: the same append again, which the store recognises by its
 * ids. Past the deadline (milliseconds since 1970) it is `outcome_unknown`.
 */
export async function append(connection: Connection, request: Append, deadline: number): Promise<AppendAnswer> {
  let isRepeated = false;
  return untilDeadline({
    attempt: async () => {
      const found = isRepeated ? await findOut(connection, request, deadline) : undefined;
      isRepeated = true;
      return found ?? appendOnce(connection, request, deadline);
    },
    isFinal: (error) => isVersionConflict(error) || (isEventStoreDbError(error) && error.code !== 'unavailable'),
    giveUp: (cause) => {
      const what = `it is not known whether the events for ${request.streamName} were stored`;
      return new EventStoreDbError('outcome_unknown', `${what}: ${messageOf(cause)}`, { cause });
    },
    recovery: connection.recovery,
    deadline,
  });
}

async function appendOnce(connection: Connection, request: Append, deadline: number): Promise<AppendAnswer> {
  const { streamName } = request;
  const answer = connection.batchAppend(request);
  const { revision, position } = await within(Math.max(deadline - Date.now(), 1), `an append to ${streamName}`, answer);
  return { revision, position: position ?? (await positionAt(connection, streamName, revision, deadline)) };
}

/** Undefined: nothing stands at the place of the first event. */
async function findOut(
  { client }: Connection,
  { streamName, events, expected }: Append,
  deadline: number,
): Promise<AppendAnswer | undefined> {
  const fromRevision = expected === 'no_stream' ? 0n : expected + 1n;
  const maxCount = Math.max(events.length, 1);
  const there = await readStreamOnce(client, streamName, { fromRevision, maxCount }, deadline - Date.now());
  if (there.events.length === 0) return undefined;
  const isOurs = events.every((event, index) => there.events[index]?.id === event.id);
  const last = there.events.at(-1);
  if (isOurs && last) return { revision: last.revision, position: last.position };
  throw new VersionConflict(streamName, expected, undefined);
}

async function positionAt(connection: Connection, streamName: string, revision: bigint, deadline: number): Promise<bigint> {
  const { events } = await readStream(connection, streamName, { fromRevision: revision, maxCount: 1 }, deadline);
  return events[0]?.position ?? 0n;
}
