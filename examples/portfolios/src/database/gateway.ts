import { currentContext, getTenant, toHttpHeaders } from '@ultracore/tenant-context';
import { z } from 'zod';
import { fromProblem, unreachable } from './gateway-problem.ts';
import { linesOf } from './lines.ts';
import type { TenantDatabase } from './tenant-database.ts';

const TIMEOUT_MS = 10_000;
/** Longer than the statement may take, so that it is the gateway that says what happened. */
const ANSWER_TIMEOUT_MS = TIMEOUT_MS + 5_000;

const resultSchema = z.object({ rows: z.array(z.unknown()) });
const transactionSchema = z.object({ results: z.array(resultSchema) });
/** A line of a stream is the head, a row (an array, so that it cannot be taken for another), or the end. */
const endSchema = z.union([z.object({ row_count: z.int() }), z.object({ error: z.unknown() })]);
const headSchema = z.object({ columns: z.array(z.object({ name: z.string() })) });

export interface GatewayOptions {
  /** Where `/v1/query` is. */
  readonly url: string;
  /** The bearer token of who asks: the caller's own, or the service's. */
  readonly authorization: () => string | Promise<string>;
}

/** A tenant's database over the platform's pool-gateway: no password, no connection, and the gateway decides what the token may do. */
export const createGatewayDatabase = ({ url, authorization }: GatewayOptions): TenantDatabase => {
  const post = async (path: string, body: object, { accept, signal }: { accept: string; signal: AbortSignal }) => {
    const context = currentContext() ?? { tenantId: getTenant() };
    const headers = {
      ...toHttpHeaders(context),
      accept,
      authorization: await authorization(),
      'content-type': 'application/json',
    };
    const request = { method: 'POST', headers, body: JSON.stringify(body), signal };
    const response = await fetch(new URL(path, url), request).catch((error: unknown) => {
      throw unreachable(error);
    });
    if (response.ok) return response;
    throw fromProblem(response.status, await bodyOf(response), response.headers.get('retry-after'));
  };

  const ask = async (path: string, body: object): Promise<unknown> => {
    const response = await post(
      path,
      { ...body, timeout_ms: TIMEOUT_MS },
      {
        accept: 'application/json',
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      },
    );
    return response.json().catch((error: unknown) => {
      throw unreachable(error);
    });
  };

  const isReadonly = () => currentContext()?.readonly === true;

  return {
    async query(row, statement) {
      const { rows } = resultSchema.parse(await ask('/v1/query', { ...statement, readonly: isReadonly() }));
      return z.array(row).parse(rows);
    },
    async transaction(statements) {
      const { results } = transactionSchema.parse(await ask('/v1/transaction', { statements, readonly: isReadonly() }));
      return results.map(({ rows }) => rows);
    },
    async *stream(row, statement) {
      const leaving = new AbortController();
      try {
        const request = { ...statement, readonly: isReadonly(), row_mode: 'array' };
        const response = await post('/v1/query', request, { accept: 'application/x-ndjson', signal: leaving.signal });
        yield* rowsOf(row, response);
      } finally {
        leaving.abort();
      }
    },
  };
};

const bodyOf = async (response: Response): Promise<unknown> => {
  try {
    return JSON.parse(await response.text());
  } catch {
    return undefined;
  }
};

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw unreachable(error);
  }
}

async function* rowsOf<Row>(row: z.ZodType<Row>, { body }: Response): AsyncGenerator<Row> {
  if (body === null) throw unreachable('the answer has no body');
  let names: readonly string[] | undefined;
  for await (const line of linesOf(chunksOf(body))) {
    const value: unknown = JSON.parse(line);
    if (names === undefined) {
      names = headSchema.parse(value).columns.map(({ name }) => name);
    } else if (Array.isArray(value)) {
      const values: readonly unknown[] = value;
      yield row.parse(Object.fromEntries(names.map((name, index) => [name, values[index]])));
    } else {
      const end = endSchema.parse(value);
      if ('error' in end) throw fromProblem(statusOf(end.error), end.error);
      return;
    }
  }
  throw unreachable('the stream ended before its last line');
}

const statusOf = (problem: unknown): number => z.object({ status: z.int() }).safeParse(problem).data?.status ?? 503;
