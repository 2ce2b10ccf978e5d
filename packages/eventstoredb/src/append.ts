import { type EventStoreDBClient, jsonEvent, type JSONType } from '@eventstore/db-client';
import { type ExpectedRevision, isVersionConflict, type NewEvent, VersionConflict } from '@ultracore/event-sourcing';
import { asFinalError, asVersionConflict, EventStoreDbError, messageOf } from './errors.ts';
import { readStream } from './read-stream.ts';
import { createBackoff, within } from './retry.ts';

export interface AppendAnswer {
  revision: bigint;
  position: bigint;
}

interface Append {
  readonly streamName: string;
  readonly events: readonly NewEvent[];
  readonly expected: ExpectedRevision;
}

/** The client gives up a little before we do, so that its reason is the one that is told. */
const MARGIN_MS = 500;

/**
 * Appends, and finds out what happened when the answer was lost: the stream is read where the events would stand. They are there: success. Others
 * are there: conflict, and no late write of ours can succeed any more. Nothing is there: the same append again, which the store recognises by its
 * ids. Past the deadline (milliseconds since 1970) it is `outcome_unknown`.
 */
export async function append(client: EventStoreDBClient, request: Append, deadline: number): Promise<AppendAnswer> {
  const backoff = createBackoff();
  for (;;) {
    try {
      return await appendOnce(client, request, deadline);
    } catch (error) {
      const { streamName, expected } = request;
      const final = asVersionConflict(error, streamName, expected) ?? asFinalError(error, streamName);
      if (final && final.code !== 'unavailable') throw final;
      if (isVersionConflict(error)) throw error;
      if (Date.now() >= deadline) throw unknownOutcome(request, error);
      await backoff.wait();
      const found = await findOut(client, request, deadline).catch((cause: unknown) => {
        throw asFinalError(cause, streamName)?.code === 'unavailable' ? unknownOutcome(request, cause) : cause;
      });
      if (found) return found;
    }
  }
}

async function appendOnce(client: EventStoreDBClient, request: Append, deadline: number): Promise<AppendAnswer> {
  const { streamName, events, expected } = request;
  const rest = Math.max(deadline - Date.now(), 1);
  const proposed = events.map(({ id, type, data, metadata }) => jsonEvent({ id, type, data: asJson(data), metadata }));
  const answer = await within(
    rest,
    `an append to ${streamName}`,
    client.appendToStream(streamName, proposed, { expectedRevision: expected, deadline: Math.max(rest - MARGIN_MS, 1) }),
  );
  const revision = answer.nextExpectedRevision;
  // A connection string can make the client answer a conflict instead of throwing it.
  if (!answer.success) throw new VersionConflict(streamName, expected, revision < 0n ? 'no_stream' : revision);
  // EventStoreDB leaves the position out when it recognised the append as a repeated one.
  const position = answer.position?.commit ?? (await positionAt(client, streamName, revision, deadline));
  return { revision, position };
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

/** The client's type leaves out what JSON can hold besides objects, arrays and strings; it stringifies whatever it is given. */
function asJson(data: unknown): JSONType {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return data as JSONType;
}
