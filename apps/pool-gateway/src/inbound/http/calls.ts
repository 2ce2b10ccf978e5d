import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '@ultracore/service';
import type { Asked } from '../../access/authorize.ts';
import type { Call, Run } from '../../query/call.ts';
import { bodyBytesOf } from './body-bytes.ts';

/** The request that a run is for. */
export interface Requested {
  /** Who asked, for which tenant. */
  readonly asked: Asked;
  /** Ends its connection. */
  drop(): void;
}

/** A run that is followed: to be given back when it is taken away. */
export interface Followed {
  readonly run: Run;
  readonly requested: Requested;
  /** Where it stands among the others. */
  index: number;
}

/** The requests under way, so that a caller who goes away ends what runs for it, and a stop can wait for them and then end them. */
export interface Calls {
  /** Follows a run until its reply is sent or its caller gone. */
  follow(reply: Pick<FastifyReply, 'raw'>, asked: Asked, run: Run): void;
  /** Follows a run until it is taken away. */
  add(run: Run, requested: Requested): Followed;
  remove(followed: Followed): void;
  readonly underWay: number;
  /** Ends each with the problem that it is given, if any. */
  endWhere(problemOf: (asked: Asked) => ProblemError | undefined): void;
  /**
   * Ends those that are still under way when `graceMs` have passed, and soon after those whose caller does not read the answer; also those that are
   * followed only from then on. Resolves when none is left.
   */
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
    bodyBytes: bodyBytesOf(request),
    requestId: request.id,
  };
}

export function createCalls(): Calls {
  // Not a Map or Set: what replaces their tables as they fill up links each of them to the next, and with them, once the first is among
  // V8's older generation, every request that has ended to the one after it.
  const running: Followed[] = [];
  let onEmpty: (() => void) | undefined;
  /** When the grace of a stop is over, `performance.now()`. */
  let graceEnds: number | undefined;
  const add = (run: Run, requested: Requested): Followed => {
    const followed = { run, requested, index: running.length };
    running.push(followed);
    if (graceEnds !== undefined) endLate(followed, graceEnds - performance.now());
    return followed;
  };
  /** What is admitted only after a stop has begun, because its token was looked at until then, has what is left of the grace. */
  const endLate = (followed: Followed, graceMs: number): void => {
    const { run, requested } = followed;
    const isUnderWay = (): boolean => running[followed.index] === followed;
    setTimeout(() => isUnderWay() && run.abort(stopping()), Math.max(0, graceMs)).unref();
    setTimeout(() => isUnderWay() && requested.drop(), Math.max(0, graceMs) + LAST_READ_MS).unref();
  };
  /** The last one takes its place. */
  const remove = (followed: Followed): void => {
    const { index } = followed;
    if (running[index] !== followed) return;
    const last = running.pop();
    if (last !== undefined && last !== followed) {
      running[index] = last;
      last.index = index;
    }
    if (running.length === 0) onEmpty?.();
  };

  /** As they are now: one that is ended may be taken away at once, and others with it. */
  const all = (): Followed[] => running.slice();

  return {
    follow({ raw }, asked, run) {
      if (raw.closed) return run.abort(callerGone());
      const followed = add(run, { asked, drop: () => void raw.destroy() });
      raw.once('close', () => {
        if (!raw.writableFinished) run.abort(callerGone());
        remove(followed);
      });
    },
    add,
    remove,
    endWhere(problemOf) {
      for (const { run, requested } of all()) {
        const problem = problemOf(requested.asked);
        if (problem !== undefined) run.abort(problem);
      }
    },
    get underWay() {
      return running.length;
    },
    async drain(graceMs) {
      graceEnds = performance.now() + graceMs;
      if (running.length === 0) return;
      const empty = new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
      const abortAll = (): void => {
        for (const { run } of all()) run.abort(stopping());
      };
      const destroyAll = (): void => {
        for (const { requested } of all()) requested.drop();
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
