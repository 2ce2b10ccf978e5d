import { AccessDeniedError, StreamDeletedError, StreamNotFoundError } from '@eventstore/db-client';

export type EventStoreDbErrorCode =
  | 'bad_connection_string'
  /** The store could not be reached, or did not answer, until the deadline. Nothing was asked to be stored. */
  | 'unavailable'
  /** Whether the events were stored could not be found out until the deadline. The same append again is safe. */
  | 'outcome_unknown'
  | 'stream_deleted'
  | 'append_too_large'
  | 'access_denied'
  /** A subscription stopped delivering, without an error, although events are there. */
  | 'subscription_stalled'
  | 'stopped';

/** Base of this package's errors. Guards test `code`, never the class. */
export class EventStoreDbError extends Error {
  override readonly name = 'EventStoreDbError';
  readonly code: EventStoreDbErrorCode;

  constructor(code: EventStoreDbErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isEventStoreDbError = (error: unknown): error is EventStoreDbError => error instanceof EventStoreDbError;

export const isStreamNotFound = (error: unknown): boolean => error instanceof StreamNotFoundError;

/** What will fail the same way however often it is asked; undefined for everything else, which may be the connection's fault. */
export function asFinalError(error: unknown, streamName: string): EventStoreDbError | undefined {
  if (isEventStoreDbError(error)) return error;
  if (error instanceof StreamDeletedError) {
    return new EventStoreDbError('stream_deleted', `stream ${streamName} was deleted for good`, { cause: error });
  }
  if (error instanceof AccessDeniedError) {
    return new EventStoreDbError('access_denied', 'the event store refused the user of the connection string', { cause: error });
  }
  return undefined;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
