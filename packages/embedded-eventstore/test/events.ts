import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AllStreamResolvedEvent,
  type EventData,
  jsonEvent,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';

export const anEvent = (n = 0, type = 'Counted.v1'): EventData => jsonEvent({ id: randomUUID(), type, data: { n } });
export const some = (count: number): EventData[] => Array.from({ length: count }, (_, n) => anEvent(n));
export const ids = (events: readonly { id: string }[]): string[] => events.map((event) => event.id);

/** Streams of one test begin with a name of its own: the store may hold others. */
export const aPrefix = (): string => `t${randomUUID().replaceAll('-', '')}-`;
export const aStream = (): string => `${aPrefix()}1`;

/** Everything a read gives, in its order. */
export async function all<Resolved extends ResolvedEvent | AllStreamResolvedEvent>(
  reading: StreamingRead<Resolved>,
): Promise<NonNullable<Resolved['event']>[]> {
  const events: NonNullable<Resolved['event']>[] = [];
  for await (const resolved of reading as AsyncIterable<Resolved>) if (resolved.event) events.push(resolved.event);
  return events;
}

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`an error was expected, not ${String(value)}`);
    },
    (error: unknown) => error,
  );
}

export async function until(condition: () => boolean, what: string, deadlineMs = 15_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await sleep(5);
  }
}
