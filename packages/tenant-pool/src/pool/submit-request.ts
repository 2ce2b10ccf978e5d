import type { PoolError } from '../errors.ts';
import type { Field, ParameterValue } from '../wire/backend.ts';
import type { WireError } from '../wire/errors.ts';

export type Lane = 'shared' | 'own';

/** What a caller may do about its statement's connection while that is its own. Means nothing once the statement has ended. */
export interface StreamControl {
  pause(): void;
  resume(): void;
}

/** Where the answer goes. `complete` or `failed` is called exactly once, and neither before `submit` has returned. Nothing here may throw. */
export interface PoolSink {
  columns(fields: readonly Field[]): void;
  /** As `ResultSink.row`: `buffer` is only valid during the call. */
  row(buffer: Buffer, start: number, end: number): void;
  complete(commandTag: string): void;
  failed(error: PoolError | WireError): void;
  /**
   * Everything so far is void: the statement runs again from the start. Without this one whose answer had begun when its connection was lost is not run
   * again.
   */
  restart?(): void;
  /** For the own lane: the statement has a connection, and goes to the server now. */
  started?(control: StreamControl): void;
}

export interface SubmitRequest {
  readonly text: string;
  readonly params: readonly ParameterValue[];
  /** `shared` for a statement that leaves nothing on the session: it runs beside others on one connection. `own` for everything else. */
  readonly lane: Lane;
  /** `performance.now()` at which waiting and running end. */
  readonly deadline: number;
  /** Looked at every few milliseconds. */
  readonly signal?: AbortSignal | undefined;
  /** It only reads: it may be run twice. */
  readonly repeatable: boolean;
}

/** A statement on its way. */
export interface SubmissionHandle {
  /** The caller gives up: it is told `aborted`, and what still runs after a moment is cancelled. No effect once the sink was told. */
  abort(): void;
}
