import type { Call } from '../workload.ts';

/** A call as it is sent: bytes made before the measurement. */
export interface Request {
  readonly bytes: Buffer;
  readonly call: Call;
  readonly group: number;
  /** What ends a good answer in Postgres's protocol: its last two messages. */
  readonly tail: Buffer;
}

/** One connection, on which one request is under way at a time. */
export interface Channel {
  /** Which of the generator's pools it belongs to. For whoever opens it. */
  pool: number;
  readonly open: boolean;
  /** What is under way, and since when (ms, `performance.now()`). For whoever sends. */
  request: Request | undefined;
  since: number;
  /** Whether the answer's bytes are wanted. For whoever sends. */
  sampled: boolean;
  send(request: Request): void;
  close(): void;
}

/**
 * Called with each answer. `failure` says why it is not a good one. `answer` is all its bytes where they were wanted, valid during the
 * call only.
 */
export type OnAnswer = (channel: Channel, failure: string | undefined, answer: Buffer | undefined) => void;
