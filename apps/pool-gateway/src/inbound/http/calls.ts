import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '@ultracore/service';
import type { Call, Run } from '../../query/call.ts';

/** The requests under way, so that a caller who goes away ends what runs for it, and a stop can wait for them and then end them. */
export interface Calls {
  /** Follows a run until its reply is sent or its caller gone. */
  follow(reply: FastifyReply, run: Run): void;
  /** Follows a run until it is taken away. */
  add(run: Run): void;
  remove(run: Run): void;
  readonly underWay: number;
  /** Ends those that are still under way when `graceMs` have passed. Resolves when none is left. */
  drain(graceMs: number): Promise<void>;
}

const HEADER = 'x-ultracore-tenant-id';

export function toCall<Body>(request: FastifyRequest, body: Body): Call<Body> {
  const header = request.headers[HEADER];
  return {
    principal: request.principal,
    tenantHeader: typeof header === 'string' ? header : undefined,
    body,
    bodyBytes: Number(request.headers['content-length'] ?? 0),
    requestId: request.id,
  };
}

export function createCalls(): Calls {
  const running = new Set<Run>();
  let onEmpty: (() => void) | undefined;
  const remove = (run: Run): void => {
    running.delete(run);
    if (running.size === 0) onEmpty?.();
  };

  return {
    follow({ raw }, run) {
      if (raw.closed) return run.abort(callerGone());
      running.add(run);
      raw.once('close', () => {
        if (!raw.writableFinished) run.abort(callerGone());
        remove(run);
      });
    },
    add: (run) => void running.add(run),
    remove,
    get underWay() {
      return running.size;
    },
    async drain(graceMs) {
      if (running.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
      const timer = setTimeout(() => {
        for (const run of running) run.abort(stopping());
      }, graceMs);
      await empty;
      clearTimeout(timer);
    },
  };
}

/** Nobody reads it; it is in the metrics. The number is nginx's. */
export const callerGone = (): ProblemError =>
  new ProblemError({ status: 499, code: 'caller_gone', detail: 'The caller went away.' });

const stopping = (): ProblemError =>
  new ProblemError({
    status: 503,
    code: 'stopping',
    detail: 'This instance is being stopped, and the request took longer than it can wait. Try again.',
    headers: { 'retry-after': '1' },
  });
