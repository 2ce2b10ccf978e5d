import type { ResultSink } from './backend.ts';
import { WireError } from './errors.ts';
import { type Pending, Stage } from './pending.ts';

/** The server was waiting for a statement when it ended the connection: idle_session_timeout, idle_in_transaction_session_timeout. */
const GIVEN_WHILE_IDLE = new Set(['57P05', '25P03']);

/** How a connection came to its end, as far as its statements are concerned. */
export interface Loss {
  readonly reason: WireError;
  /** Number of the last statement that reached the socket. */
  readonly flushed: number;
  /** The server said that it ends the connection, so it has run nothing behind the statement whose turn it was. */
  readonly dismissed: boolean;
}

/** Fails a statement and all behind it. Each is told whether it may have run. */
export function failAll(head: Pending | undefined, loss: Loss): void {
  for (let pending = head; pending !== undefined; pending = pending.next) {
    pending.started = mayHaveRun(pending, loss);
    pending.stage = Stage.ended;
    fail(pending.sink, pending.error ?? lostBy(loss.reason, pending.started));
  }
}

function mayHaveRun(pending: Pending, { reason, flushed, dismissed }: Loss): boolean {
  if (pending.sent > flushed) return false;
  if (!dismissed) return true;
  return pending.started && !GIVEN_WHILE_IDLE.has(reason.sqlstate ?? '');
}

function lostBy(reason: WireError, started: boolean): WireError {
  const { sqlstate, severity } = reason;
  const postgres = sqlstate === undefined || severity === undefined ? undefined : { sqlstate, severity };
  return new WireError('connection_lost', `the connection to the server was lost: ${reason.message}`, {
    cause: reason,
    started,
    postgres,
  });
}

/** A sink that breaks its promise and throws must not keep the others from being told; the fault surfaces as any other uncaught one. */
function fail(sink: ResultSink, error: WireError): void {
  try {
    sink.failed(error);
  } catch (fault) {
    queueMicrotask(() => {
      throw fault;
    });
  }
}
