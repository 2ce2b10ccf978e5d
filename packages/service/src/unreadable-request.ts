import type { Socket } from 'node:net';
import { PROBLEM_MEDIA_TYPE, ProblemError, toProblem } from './problem.ts';
import { acceptId } from './trace-context.ts';

/** What cannot be read as HTTP at all never reaches Fastify. */
export function answerUnreadableRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const problem = new ProblemError(
    timedOut
      ? { status: 408, code: 'request_timeout', detail: 'The request did not arrive in time.' }
      : tooLarge
        ? { status: 431, code: 'headers_too_large', detail: 'The headers of the request are too long.' }
        : { status: 400, code: 'bad_request', detail: 'This is not a valid HTTP request.' },
  );
  const requestId = acceptId(undefined);
  const body = JSON.stringify(toProblem(problem, requestId));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      `content-type: ${PROBLEM_MEDIA_TYPE}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
