import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '@ultracore/service';
import type { Asked } from '../../access/authorize.ts';
import type { Call, Run } from '../../query/call.ts';

/** The request that a run is for. */
export interface Requested {
  /** Who asked, for which tenant. */
  readonly asked: Asked;
  /** Ends its connection. */
  drop(): void;
}

/** The requests under way, so that a caller who goes away ends what runs for it, and a stop can wait for them and then end them. */
export interface Calls {
  /** Follows a run until its reply is sent or its caller gone. */
  follow(reply: Pick<FastifyReply, 'raw'>, asked: Asked, run: Run): void;
  /** Follows a run until it is taken away. */
  add(run: Run, requested: Requested): void;
  remove(run: Run): void;
  readonly underWay: number;
  /** Ends each with the problem that it is given, if any. */
  endWhere(problemOf: (asked: Asked) => ProblemError | undefined): void;
  /** Ends those that are still under way when `graceMs` have passed, and soon after those whose caller does not read the answer. Resolves when none is left. */
  drain(graceMs: number): Promise<void>;
}

/** For an answer to be read when its run was ended by a stop. */
const LAST_READ_MS = 2000;
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
  const running = new Map<Run, Requested>();
  let onEmpty: (() => void) | undefined;
  const remove = (run: Run): void => {
    running.delete(run);
    if (running.size === 0) onEmpty?.();
  };

  return {
    follow({ raw }, asked, run) {
      if (raw.closed) return run.abort(callerGone());
      running.set(run, { asked, drop: () => void raw.destroy() });
      raw.once('close', () => {
        if (!raw.writableFinished) run.abort(callerGone());
        remove(run);
      });
    },
    add: (run, requested) => void running.set(run, requested),
    remove,
    endWhere(problemOf) {
      for (const [run, { asked }] of running) {
        const problem = problemOf(asked);
        if (problem !== undefined) run.abort(problem);
      }
    },
    get underWay() {
      return running.size;
    },
    async drain(graceMs) {
      if (running.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
      const abortAll = (): void => {
        for (const run of running.keys()) run.abort(stopping());
      };
      const destroyAll = (): void => {
        for (const requested of running.values()) requested.drop();
      };
      const timers = [setTimeout(abortAll, graceMs), setTimeout(destroyAll, graceMs + LAST_READ_MS)];
      await empty;
      timers.forEach(clearTimeout);
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
