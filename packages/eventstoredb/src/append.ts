import type { EventStoreDBClient } from '@eventstore/db-client';
import { isVersionConflict, VersionConflict } from '@ultracore/event-sourcing';
import type { Append, Appended } from './batch-append.ts';
import { asFinalError, EventStoreDbError, messageOf } from './errors.ts';
import { readStream } from './read-stream.ts';
import { createBackoff, within } from './retry.ts';

export interface AppendAnswer {
  revision: bigint;
  position: bigint;
}

export interface AppendConnection {
  readonly client: EventStoreDBClient;
  readonly batchAppend: (append: Append) => Promise<Appended>;
}

/**
 * Appends, and finds out what happened when the answer was lost: the stream is read where the events would stand. They are there: success. Others
 * are there: conflict, and no late write of ours can succeed any more. Nothing is there: the same append again, which the store recognises by its
 * ids. Past the deadline (milliseconds since 1970) it is `outcome_unknown`.
 */
export async function append(connection: AppendConnection, request: Append, deadline: number): Promise<AppendAnswer> {
  const backoff = createBackoff();
  for (;;) {
    try {
      return await appendOnce(connection, request, deadline);
    } catch (error) {
      const { streamName } = request;
      if (isVersionConflict(error)) throw error;
      const final = asFinalError(error, streamName);
      if (final && final.code !== 'unavailable') throw final;
      if (Date.now() >= deadline) throw unknownOutcome(request, error);
      await backoff.wait();
      const found = await findOut(connection.client, request, deadline).catch((cause: unknown) => {
        throw asFinalError(cause, streamName)?.code === 'unavailable' ? unknownOutcome(request, cause) : cause;
      });
      if (found) return found;
    }
  }
}

async function appendOnce({ client, batchAppend }: AppendConnection, request: Append, deadline: number): Promise<AppendAnswer> {
  const { streamName } = request;
  const { revision, position } = await within(
    Math.max(deadline - Date.now(), 1),
    `an append to ${streamName}`,
    batchAppend(request),
  );
  return { revision, position: position ?? (await positionAt(client, streamName, revision, deadline)) };
}

/** Undefined: nothing stands at the place of the first event. */
async function findOut(
  client: EventStoreDBClient,
  { streamName, events, expected }: Append,
  deadline: number,
): Promise<AppendAnswer | undefined> {
  const fromRevision = expected === 'no_stream' ? 0n : expected + 1n;
  const there = await readStream(client, streamName, { fromRevision, maxCount: Math.max(events.length, 1) }, deadline);
  if (there.events.length === 0) return undefined;
  const isOurs = events.every((event, index) => there.events[index]?.id === event.id);
  const last = there.events.at(-1);
  if (isOurs && last) return { revision: last.revision, position: last.position };
  throw new VersionConflict(streamName, expected, undefined);
}

async function positionAt(client: EventStoreDBClient, streamName: string, revision: bigint, deadline: number): Promise<bigint> {
  const { events } = await readStream(client, streamName, { fromRevision: revision, maxCount: 1 }, deadline);
  return events[0]?.position ?? 0n;
}

const unknownOutcome = ({ streamName }: Append, cause: unknown) =>
  new EventStoreDbError(
    'outcome_unknown',
    `it is not known whether the events for ${streamName} were stored: ${messageOf(cause)}`,
    {
      cause,
    },
  );
