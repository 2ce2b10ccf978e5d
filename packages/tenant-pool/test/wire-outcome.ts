import type { Backend, Execution, ParameterValue, ResultSink, Statement } from '../src/wire/backend.ts';
import type { WireError } from '../src/wire/errors.ts';

/** Everything that a sink was told about one statement. */
export interface Outcome {
  columns?: string[];
  rows: (string | null)[][];
  tag?: string;
  error?: WireError;
  /** How often an end was told; anything but 1 is a fault. */
  ends: number;
}

/** The values of a DataRow's body. */
function decodeRow(buffer: Buffer, from: number, to: number): (string | null)[] {
  const values: (string | null)[] = [];
  let at = from + 2;
  for (let left = buffer.readInt16BE(from); left > 0; left--) {
    const length = buffer.readInt32BE(at);
    at += 4;
    values.push(length === -1 ? null : buffer.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  if (at !== to) throw new Error('a row does not end where it should');
  return values;
}

export function recordingSink(onEnd: (outcome: Outcome) => void = () => {}): { sink: ResultSink; outcome: Outcome } {
  const outcome: Outcome = { rows: [], ends: 0 };
  const sink: ResultSink = {
    columns(fields) {
      outcome.columns = fields.map((field) => field.name);
    },
    row(buffer, from, to) {
      outcome.rows.push(decodeRow(buffer, from, to));
    },
    complete(tag) {
      outcome.tag = tag;
      outcome.ends++;
      onEnd(outcome);
    },
    failed(error) {
      outcome.error = error;
      outcome.ends++;
      onEnd(outcome);
    },
  };
  return { sink, outcome };
}

export interface Started {
  readonly execution: Execution;
  readonly outcome: Outcome;
  readonly ended: Promise<Outcome>;
}

export function start(backend: Backend, statement: Statement): Started {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const { sink, outcome } = recordingSink(resolve);
  return { execution: backend.execute(statement, sink), outcome, ended: promise };
}

/** Runs one statement and hands back all that was told, failures too. */
export const run = (backend: Backend, text: string, params: readonly ParameterValue[] = []): Promise<Outcome> =>
  start(backend, { text, params }).ended;

/** The outcome in the terms of an expectation. */
export const brief = ({ rows, tag, error }: Outcome): unknown => error?.sqlstate ?? error?.code ?? { rows, tag };
