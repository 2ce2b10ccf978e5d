import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '@ultracore/service';
import type { Call, Run } from '../../query/call.ts';

/** The requests under way, so that a caller who goes away ends what runs for it, and a stop can wait for them and then end them. */
export interface Calls {
  /** Follows a run until its reply is sent or its caller gone. */
  follow(reply: Pick<FastifyReply, 'raw'>, run: Run): void;
  /** Follows a run until it is taken away. */
  add(run: Run): void;
  remove(run: Run): void;
  readonly underWay: number;
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
  /** Each with what ends its connection. */
  const running = new Map<Run, () => void>();
  let onEmpty: (() => void) | undefined;
  const remove = (run: Run): void => {
    running.delete(run);
    if (running.size === 0) onEmpty?.();
  };

  return {
    follow({ raw }, run) {
      if (raw.closed) return run.abort(callerGone());
      running.set(run, () => void raw.destroy());
      raw.once('close', () => {
        if (!raw.writableFinished) run.abort(callerGone());
        remove(run);
      });
    },
    // The connection is seen to by whoever added it.
    add: (run) => void running.set(run, () => {}),
    remove,
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
        for (const destroy of running.values()) destroy();
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
