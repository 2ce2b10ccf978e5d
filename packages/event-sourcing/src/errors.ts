export type EventSourcingErrorCode =
  | 'version_conflict'
  /** A stored event that this program has no reader for. */
  | 'unknown_event_type'
  | 'bad_event'
  /** What was decided cannot be said to the outside; nothing was stored. */
  | 'event_not_publishable';

/** Base of this package's errors. Guards test `code`, never the class. */
export class EventSourcingError extends Error {
  override readonly name: string = 'EventSourcingError';
  readonly code: EventSourcingErrorCode;

  constructor(code: EventSourcingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The stream was not at the revision the writer had read. Nothing of the append was stored. */
export class VersionConflict extends EventSourcingError {
  override readonly name = 'VersionConflict';
  readonly streamName: string;
  readonly expected: bigint | 'no_stream';
  /** Undefined when the store did not say. */
  readonly actual: bigint | 'no_stream' | undefined;

  constructor(
    streamName: string,
    expected: bigint | 'no_stream',
    actual: bigint | 'no_stream' | undefined,
    options?: ErrorOptions,
  ) {
    super('version_conflict', `stream ${streamName} is at ${actual ?? 'another revision'}, expected ${expected}`, options);
    this.streamName = streamName;
    this.expected = expected;
    this.actual = actual;
  }
}

/** A decider's answer to a command it does not allow: a stable `code` for programs and a sentence for people. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
  }
}

export const isVersionConflict = (error: unknown): error is VersionConflict =>
  error instanceof EventSourcingError && error.code === 'version_conflict';

export const isEventSourcingError = (error: unknown): error is EventSourcingError => error instanceof EventSourcingError;

export const isCommandRefused = (error: unknown): error is CommandRefused => error instanceof CommandRefused;
