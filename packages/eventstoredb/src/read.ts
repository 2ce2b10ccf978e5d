import { END, type EventStoreDBClient, FORWARDS, START, type StreamingRead } from '@eventstore/db-client';
import type { ReadStreamOptions, StoredEvent } from '@ultracore/event-sourcing';
import { EventStoreDbError, isStreamNotFound } from './errors.ts';
import { toStoredEvent } from './stored-event.ts';

export interface ReadAnswer {
  events: StoredEvent[];
  exists: boolean;
}

/** Forwards, in order. */
export async function readStreamOnce(
  client: EventStoreDBClient,
  streamName: string,
  { fromRevision, maxCount }: ReadStreamOptions,
  timeoutMs: number,
): Promise<ReadAnswer> {
  const reading = client.readStream(streamName, {
    direction: FORWARDS,
    fromRevision: fromRevision ?? START,
    ...(maxCount === undefined ? {} : { maxCount }),
  });
  const events: StoredEvent[] = [];
  try {
    await collect(reading, timeoutMs, (resolved) => {
      const event = toStoredEvent(resolved);
      if (event) events.push(event);
    });
  } catch (error) {
    if (isStreamNotFound(error)) return { events: [], exists: false };
    throw error;
  }
  return { events, exists: true };
}

/** The position of the newest event of the whole log; undefined for an empty one. */
export async function readHead(client: EventStoreDBClient, timeoutMs: number): Promise<bigint | undefined> {
  let head: bigint | undefined;
  const reading = client.readAll({ direction: 'backwards', fromPosition: END, maxCount: 1 });
  await collect(reading, timeoutMs, (resolved) => {
    head = resolved.event?.position.commit ?? resolved.commitPosition;
  });
  return head;
}

/** Every event of a read as it comes. A `for await` would cost several microtasks an event. */
export function collect<Resolved>(
  reading: StreamingRead<Resolved>,
  timeoutMs: number,
  each: (resolved: Resolved) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(new EventStoreDbError('unavailable', 'the event store did not finish a read in time'));
        reading.cancel().catch(() => undefined);
      },
      Math.max(timeoutMs, 1),
    );
    reading.on('data', each);
    reading.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    reading.on('end', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
