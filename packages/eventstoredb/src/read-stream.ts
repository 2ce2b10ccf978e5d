import type { ReadStreamOptions } from '@ultracore/event-sourcing';
import type { Connection } from './connection.ts';
import { asFinalError, EventStoreDbError, messageOf } from './errors.ts';
import { type ReadAnswer, readStreamOnce } from './read.ts';
import { untilDeadline } from './retry.ts';

/** Reads, and again while the connection fails, until the deadline (milliseconds since 1970). Throws `unavailable` then. */
export async function readStream(
  { client, recovery }: Connection,
  streamName: string,
  options: ReadStreamOptions,
  deadline: number,
): Promise<ReadAnswer> {
  return untilDeadline({
    attempt: async () => {
      try {
        return await readStreamOnce(client, streamName, options, deadline - Date.now());
      } catch (error) {
        throw asFinalError(error, streamName) ?? error;
      }
    },
    isFinal: (error) => error instanceof EventStoreDbError && error.code !== 'unavailable',
    giveUp: (cause) =>
      new EventStoreDbError('unavailable', `stream ${streamName} could not be read: ${messageOf(cause)}`, { cause }),
    recovery,
    deadline,
  });
}
