import { Readable } from 'node:stream';
import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { ProblemError, type HttpServer } from '@ultracore/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EVENT_STREAM, HEARTBEAT, retryAfter, toMessage } from './event-stream.ts';
import type { News } from './news.ts';
import { createWakeable } from './wakeable.ts';

export interface LiveHistoryDeps {
  readonly store: EventStore;
  readonly news: News;
  /** From one sign of life to the next, in milliseconds. */
  readonly heartbeatMs?: number;
}

export interface Live {
  readonly streamName: string;
  readonly after: bigint | undefined;
  /** Throws when the caller may no longer read this. Asked before anything is told, when that was not for the time of a sign of life. */
  readonly check: () => Promise<void>;
  readonly toEntry: (stored: StoredEvent) => object;
}

export type ServeLive = (request: FastifyRequest, reply: FastifyReply, live: Live) => Promise<FastifyReply>;

const HEARTBEAT_MS = 15_000;
const PAGE = 200;
const MOST_OPEN = 1_000;
const RETRY_MS = 2_000;

/**
 * Answers with the events of a stream after a revision and then with each as it is appended, until the caller goes, may no longer read
 * it, or the server stops. A caller that reads slowly is read for slowly: nothing is kept for it. What fails ends the stream; the caller
 * comes again and says what it has seen.
 */
export function createLiveHistory(server: HttpServer, deps: LiveHistoryDeps): ServeLive {
  const open = new Set<AbortController>();
  server.addHook('preClose', (done) => {
    for (const ending of open) ending.abort();
    done();
  });
  return async (request, reply, live) => {
    if (open.size >= MOST_OPEN) throw tooMany();
    const ending = new AbortController();
    const { signal } = ending;
    open.add(ending);
    signal.addEventListener('abort', () => open.delete(ending), { once: true });
    reply.raw.once('close', () => ending.abort());
    const wakeable = createWakeable(signal);
    try {
      const forget = await deps.news.listen(live.streamName, wakeable.wake);
      if (signal.aborted) forget();
      else signal.addEventListener('abort', forget, { once: true });
    } catch (error) {
      ending.abort();
      throw error;
    }
    const lines = follow(live, { ...deps, signal, sleep: wakeable.sleep, log: request.log });
    return reply
      .type(EVENT_STREAM)
      .header('x-accel-buffering', 'no')
      .send(Readable.from(lines, { objectMode: false }));
  };
}

interface Following extends Pick<LiveHistoryDeps, 'heartbeatMs'> {
  readonly store: Pick<EventStore, 'readStream'>;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<boolean>;
  readonly log: Pick<FastifyRequest['log'], 'debug'>;
}

/** What a caller is sent, piece by piece. */
export async function* follow(
  live: Live,
  { store, signal, sleep, log, heartbeatMs = HEARTBEAT_MS }: Following,
): AsyncGenerator<string> {
  const { streamName, check, toEntry } = live;
  let next = live.after === undefined ? 0n : live.after + 1n;
  // By the clock: a stream to which something is always appended is never idle.
  let checkAt = performance.now() + heartbeatMs;
  const checkInTime = async (): Promise<void> => {
    if (performance.now() < checkAt) return;
    await check();
    checkAt = performance.now() + heartbeatMs;
  };
  yield retryAfter(RETRY_MS);
  try {
    while (!signal.aborted) {
      const { events } = await store.readStream(streamName, { fromRevision: next, maxCount: PAGE });
      for (const stored of events) {
        await checkInTime();
        yield toMessage(Number(stored.revision), toEntry(stored));
        next = stored.revision + 1n;
      }
      if (events.length === PAGE || (await sleep(heartbeatMs)) || signal.aborted) continue;
      await checkInTime();
      yield HEARTBEAT;
    }
  } catch (error) {
    log.debug({ err: error, stream: streamName }, 'a live history has ended');
  }
}

const tooMany = (): ProblemError =>
  new ProblemError({
    status: 503,
    code: 'too_many_watchers',
    detail: `${MOST_OPEN} callers watch histories here already. Read the history page by page, or come again.`,
    headers: { 'retry-after': '5' },
  });
