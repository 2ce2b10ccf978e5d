/** Who and what an event came from; stored beside its body. */
export interface EventMetadata {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly actor?: string;
  readonly traceparent?: string;
  /** When it happened, ISO 8601 in UTC, by the clock of the one who decided it. */
  readonly time?: string;
}

export interface NewEvent<Data = unknown> {
  /** A UUID. The same id appended again at the same place is the same event. */
  readonly id: string;
  readonly type: string;
  readonly data: Data;
  readonly metadata: EventMetadata;
}

export interface StoredEvent<Data = unknown> {
  readonly id: string;
  readonly streamName: string;
  readonly type: string;
  readonly data: Data;
  readonly metadata: EventMetadata;
  /** Place in its stream, from 0. */
  readonly revision: bigint;
  /** Place in the store's whole log; grows strictly, with gaps. */
  readonly position: bigint;
  readonly createdAt: Date;
}

export type ExpectedRevision = bigint | 'no_stream';

export interface ReadStreamOptions {
  /** Inclusive; 0 when left out. */
  readonly fromRevision?: bigint;
  readonly maxCount?: number;
}

export interface SubscribeToAllOptions {
  /** Events after this position are delivered; from the beginning when left out. */
  readonly after?: bigint;
  readonly streamPrefixes: readonly string[];
  /** One batch at a time, in the order of the log; the next waits until the promise is fulfilled. `position` is the last event's. */
  readonly onEvents: (events: readonly StoredEvent[], position: bigint) => Promise<void>;
  /** The log was scanned up to here and held nothing more for this subscription. */
  readonly onCheckpoint?: (position: bigint) => Promise<void> | void;
  /** Everything that was in the log has been delivered. May be called again after a reconnection. */
  readonly onCaughtUp?: () => void;
  readonly signal?: AbortSignal;
}

export interface Subscription {
  /** Fulfilled once stopped (by `stop` or the signal); rejected with what `onEvents` threw. A lost connection ends nothing: it is resumed. */
  readonly done: Promise<void>;
  /** Returns when the batch in hand is finished and nothing more will be delivered. */
  readonly stop: () => Promise<void>;
}

/** The port to an event store. Every adapter passes `eventStoreContract` (`@ultracore/event-sourcing/testing`). */
export interface EventStore {
  /** Forwards, in order. `exists` is false when there is no such stream. */
  readonly readStream: (streamName: string, options?: ReadStreamOptions) => Promise<{ events: StoredEvent[]; exists: boolean }>;
  /**
   * All events or none. Returns the revision and position of the last one.
   * Throws `VersionConflict` when the stream is not at `expected`, unless exactly these ids already stand right after `expected`: then it is
   * the same append again and succeeds without storing anything. A lost reply is resolved inside: the caller never sees an ambiguous outcome
   * as a success or as a conflict.
   */
  readonly append: (
    streamName: string,
    events: readonly NewEvent[],
    expected: ExpectedRevision,
  ) => Promise<{ revision: bigint; position: bigint }>;
  readonly subscribeToAll: (options: SubscribeToAllOptions) => Subscription;
}
