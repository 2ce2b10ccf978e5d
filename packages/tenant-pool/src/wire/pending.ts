import type { Execution, ResultSink, Statement } from './backend.ts';
import type { WireError } from './errors.ts';
import type { Prepared } from './statement-cache.ts';

export const Kind = { execute: 0, describe: 1, command: 2 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** How far the answer to a statement has come. An answer that comes out of this order means that the two ends have lost each other. */
export const Stage = {
  sent: 0,
  /** Bound; it returns no rows. */
  bound: 1,
  /** Bound; it returns rows. */
  rows: 2,
  copyOut: 3,
  /** Only ReadyForQuery is still to come. */
  done: 4,
  ended: 5,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

export const NO_SINK: ResultSink = { columns: () => {}, row: () => {}, complete: () => {}, failed: () => {} };

/** One statement of a connection's queue, which is a list of these linked by `next`. */
export class Pending implements Execution {
  readonly kind: Kind;
  readonly statement: Statement;
  /** Told how it ended. */
  sink: ResultSink;
  /** Gets columns and rows. */
  rows: ResultSink;
  next: Pending | undefined;
  stage: Stage = Stage.sent;
  /** Its turn has come, or the connection was lost when it may have. */
  started = false;
  prepared: Prepared | undefined;
  /** Its messages hold a Parse that is not yet known to have worked. */
  parsing = false;
  /** The server no longer has it as it was prepared; it can be run once more. */
  stale = false;
  retried = false;
  /** Number of the send; grows along the queue. */
  sent = 0;
  tag = '';
  error: WireError | undefined;

  constructor(kind: Kind, statement: Statement, sink: ResultSink) {
    this.kind = kind;
    this.statement = statement;
    this.sink = sink;
    this.rows = sink;
  }

  abandon(): void {
    this.sink = NO_SINK;
    this.rows = NO_SINK;
  }

  /** Fails it with this error, unless it has one, when it ends; rows are thrown away from now on. */
  refuse(error: WireError): void {
    this.error ??= error;
    this.rows = NO_SINK;
  }

  /** The same, for one of its rows. */
  refuseRow(error: WireError): void {
    const isFirst = this.error === undefined;
    this.refuse(error);
    if (isFirst) this.sink.refused?.(error);
  }

  /** Ready to be sent once more. */
  reset(): void {
    this.stage = Stage.sent;
    this.started = false;
    this.next = undefined;
    this.prepared = undefined;
    this.parsing = false;
    this.stale = false;
    this.retried = true;
    this.tag = '';
    this.error = undefined;
    this.rows = this.sink;
  }
}
