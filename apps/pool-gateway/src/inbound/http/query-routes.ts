import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpServer, ProblemError } from '@ultracore/service';
import type { Answer } from '../../query/call.ts';
import type { QueryService } from '../../query/query-service.ts';
import { queryBody, queryResult, transactionBody, transactionResult } from '../../query/request.ts';
import { countBody } from './body-bytes.ts';
import { toCall, type Calls } from './calls.ts';
import { NDJSON } from './media-types.ts';
import { sendStream } from './stream.ts';
import { whenTaken } from './when-taken.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

export interface QueryRoutesDeps {
  readonly queries: QueryService;
  readonly calls: Calls;
  /** How long a whole answer, or the end of a stream, may stay unread. Default 60 s, as on the hot path. */
  readonly unreadMs?: number;
}

/** SQL over HTTP: answers go out as the bytes that the core wrote. */
export function addQueryRoutes(server: HttpServer, { queries, calls, unreadMs = 60_000 }: QueryRoutesDeps): void {
  const answerOf = (reply: FastifyReply): Answer => createAnswer(reply, unreadMs);

  server.post(
    '/v1/query',
    {
      preParsing: countBody,
      schema: {
        summary: 'Runs one statement of SQL for a tenant',
        description: `With \`accept: ${NDJSON}\` the rows are streamed: a line with the columns, one line a row, and a last line with the count or the problem.`,
        body: queryBody,
        response: { 200: queryResult },
      },
    },
    (request, reply) => {
      const call = toCall(request, request.body);
      const run = wantsStream(request)
        ? sendStream(reply, unreadMs, (answer) => queries.stream(call, answer))
        : queries.query(call, answerOf(reply));
      calls.follow(reply, call, run);
    },
  );

  server.post(
    '/v1/transaction',
    {
      preParsing: countBody,
      schema: {
        summary: 'Runs statements of SQL for a tenant, all or none',
        body: transactionBody,
        response: { 200: transactionResult },
      },
    },
    (request, reply) => {
      const call = toCall(request, request.body);
      calls.follow(reply, call, queries.transaction(call, answerOf(reply)));
    },
  );
}

const wantsStream = ({ headers }: FastifyRequest): boolean => headers.accept?.includes(NDJSON) === true;

function createAnswer(reply: FastifyReply, unreadMs: number): Answer {
  return {
    completed(body, sent) {
      whenTaken(reply, unreadMs, sent);
      // What is sent is copied: the bytes are the core's own.
      void reply.type(JSON_TYPE).send(Buffer.from(body));
    },
    failed: (problem: ProblemError) => void reply.send(problem),
  };
}
