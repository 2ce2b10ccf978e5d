import { STATUS_CODES } from 'node:http';
import {
  acceptId,
  continueTrace,
  PROBLEM_MEDIA_TYPE,
  ProblemError,
  SECURITY_HEADERS,
  toProblem,
  type Authenticator,
  type Logger,
  type Principal,
} from '@ultracore/service';
import type { Answer, Run } from '../../query/call.ts';
import type { QueryService } from '../../query/query-service.ts';
import type { QueryBody } from '../../query/request.ts';
import type { Asked } from '../../access/authorize.ts';
import { callerGone, type Calls, type Followed, type Requested } from '../http/calls.ts';
import type { Asker, HeadCheck, HotHandler, HotReply, HotRequest } from './hot-exchange.ts';
import { readQueryBody } from './query-body.ts';
import type { RequestHead } from './request-head.ts';

export const QUERY_LINE = 'POST /v1/query HTTP/1.1';

export interface HotQueryDeps {
  readonly authenticator: Authenticator;
  readonly queries: Pick<QueryService, 'query'>;
  readonly calls: Pick<Calls, 'add' | 'remove'>;
  readonly logger: Logger;
  /** Milliseconds from the request to its answer. */
  readonly onAnswered: (status: number, ms: number) => void;
}

const FIXED_HEADERS = Object.entries(SECURITY_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const OK_HEAD = `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n${FIXED_HEADERS}`;

/** `POST /v1/query` without the full HTTP server: the same answers, byte for byte but for the order of the headers. */
export function createHotQuery(deps: HotQueryDeps): HotHandler {
  const { authenticator } = deps;
  return (request, reply) => {
    const body = readQueryBody(request.body);
    if (body === undefined) return false;
    const exchange = new Exchange(request, reply, deps);
    const { authorization } = request.head;
    const known = authenticator.recall(authorization);
    if (known !== undefined) exchange.run(known, body);
    else {
      authenticator.authenticate(authorization).then(
        (principal) => exchange.run(principal, body),
        (error: unknown) => exchange.failed(toRefusal(error)),
      );
    }
    return true;
  };
}

/** Lets nobody send a body whose token is not good. */
export function createTokenCheck(deps: HotQueryDeps): HeadCheck {
  const { authenticator } = deps;
  return (head) => {
    if (authenticator.recall(head.authorization) !== undefined) return true;
    return authenticator.authenticate(head.authorization).then(
      () => undefined,
      (error: unknown) => (reply) => new Exchange({ head, body: NO_BODY }, reply, deps).failed(toRefusal(error)),
    );
  };
}

const NO_BODY = Buffer.alloc(0);

const toRefusal = (error: unknown): ProblemError =>
  error instanceof ProblemError
    ? error
    : new ProblemError({ status: 500, code: 'internal', detail: 'The token could not be checked.', cause: error });

/** One request and its answer. */
class Exchange implements Answer, Asker, Requested {
  readonly #head: RequestHead;
  readonly #bodyBytes: number;
  readonly #reply: HotReply;
  readonly #deps: HotQueryDeps;
  readonly #requestId: string;
  readonly #began = performance.now();
  #principal: Principal | undefined;
  #run: Run | undefined;
  #followed: Followed | undefined;
  #isAnswered = false;
  #isGone = false;

  constructor({ head, body }: HotRequest, reply: HotReply, deps: HotQueryDeps) {
    this.#head = head;
    this.#bodyBytes = body.length;
    this.#reply = reply;
    this.#deps = deps;
    this.#requestId = acceptId(head.requestId);
    reply.asker = this;
  }

  gone(): void {
    this.#isGone = true;
    this.#run?.abort(callerGone());
  }

  run(principal: Principal, body: QueryBody): void {
    if (this.#isGone) return;
    this.#principal = principal;
    const run = this.#deps.queries.query(
      { principal, tenantHeader: this.#head.tenantId, body, bodyBytes: this.#bodyBytes, requestId: this.#requestId },
      this,
    );
    if (this.#isAnswered) return;
    this.#run = run;
    this.#followed = this.#deps.calls.add(run, this);
  }

  get asked(): Asked {
    if (this.#principal === undefined) throw new TypeError('Nothing runs for a request before it is known who asks.');
    return { principal: this.#principal, tenantHeader: this.#head.tenantId };
  }

  drop(): void {
    // The hot path sees to its connections itself.
  }

  completed(body: Uint8Array, sent?: () => void): void {
    this.#send(200, OK_HEAD, body, sent);
  }

  failed(problem: ProblemError): void {
    this.#report(problem);
    const headers = Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head =
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}\r\n` +
      `content-type: ${PROBLEM_MEDIA_TYPE}\r\n${FIXED_HEADERS}${headers.join('')}`;
    this.#send(problem.status, head, Buffer.from(JSON.stringify(toProblem(problem, this.#requestId))));
  }

  #send(status: number, head: string, body: Uint8Array, sent?: () => void): void {
    if (this.#isAnswered) return sent?.();
    this.#isAnswered = true;
    const { calls, onAnswered } = this.#deps;
    if (this.#followed !== undefined) calls.remove(this.#followed);
    onAnswered(status, performance.now() - this.#began);
    if (this.#isGone) return sent?.();
    const { correlationId, traceparent } = this.#head;
    const correlation = correlationId === undefined ? this.#requestId : acceptId(correlationId);
    const ids = `x-request-id: ${this.#requestId}\r\nx-correlation-id: ${correlation}\r\ntraceparent: ${continueTrace(traceparent)}\r\n`;
    this.#reply.send(head + ids, body, sent);
  }

  #report(problem: ProblemError): void {
    const { logger } = this.#deps;
    const about = { code: problem.code, method: 'POST', route: '/v1/query', request_id: this.#requestId };
    if (problem.status >= 500) logger.error({ ...about, err: problem }, 'a request failed');
    else if (problem.status === 401 || problem.status === 403) {
      logger.warn({ ...about, subject: this.#principal?.subject }, 'a request was refused');
    }
  }
}
