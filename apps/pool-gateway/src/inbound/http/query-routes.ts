import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpServer, ProblemError } from '@ultracore/service';
import type { Answer } from '../../query/call.ts';
import type { QueryService } from '../../query/query-service.ts';
import { queryBody, queryResult, transactionBody, transactionResult } from '../../query/request.ts';
import { toCall, type Calls } from './calls.ts';
import { NDJSON } from './media-types.ts';
import { sendStream } from './stream.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** As on the hot path. */
const UNREAD_MS = 60_000;

/** SQL over HTTP: answers go out as the bytes that the core wrote. */
export function addQueryRoutes(server: HttpServer, { queries, calls }: { queries: QueryService; calls: Calls }): void {
  server.post(
    '/v1/query',
    {
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
        ? sendStream(reply, (answer) => queries.stream(call, answer))
        : queries.query(call, answerOf(reply));
      calls.follow(reply, call, run);
    },
  );

  server.post(
    '/v1/transaction',
    {
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

function answerOf(reply: FastifyReply): Answer {
  return {
    completed(body, sent) {
      if (sent !== undefined) whenTaken(reply, sent);
      // What is sent is copied: the bytes are the core's own.
      void reply.type(JSON_TYPE).send(Buffer.from(body));
    },
    failed: (problem: ProblemError) => void reply.send(problem),
  };
}

/** Calls back when the caller has taken a large answer, or has gone; who takes too long is let go. */
function whenTaken({ raw }: FastifyReply, taken: () => void): void {
  if (raw.closed) return taken();
  const overdue = setTimeout(() => raw.destroy(), UNREAD_MS);
  raw.once('close', () => {
    clearTimeout(overdue);
    taken();
  });
}
