import type { PoolSink, SubmissionHandle, SubmitRequest } from '../pool/submit-request.ts';
import { toParameter } from './parameters.ts';
import type { QueryOptions, QueryResult } from './query-options.ts';
import { TypedResultSink } from './result-sink.ts';

/** Statements that leave nothing on the session unless a function in them does. */
const SHAREABLE = /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/|\()*(?:select|insert|update|delete|merge|values|table|with)\b/i;

/** Runs a product team's own statement. */
export async function runQuery<Row>(
  pool: { submit(request: SubmitRequest, sink: PoolSink): SubmissionHandle },
  text: string,
  params: readonly unknown[],
  options: QueryOptions & { readonly timeoutMs: number },
): Promise<QueryResult<Row>> {
  const request: SubmitRequest = {
    text,
    params: params.map(toParameter),
    lane: SHAREABLE.test(text) ? 'shared' : 'own',
    deadline: performance.now() + options.timeoutMs,
    signal: options.signal,
    repeatable: false,
  };
  return new Promise((resolve, reject) => {
    pool.submit(request, new TypedResultSink<Row>(resolve, reject));
  });
}
