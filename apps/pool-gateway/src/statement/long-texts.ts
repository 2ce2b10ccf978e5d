import { Worker } from 'node:worker_threads';
import { createRoundRobin } from './round-robin.ts';
import { refusedEverywhere, type Verdicts } from './verdict.ts';

export interface LongTexts {
  /**
   * Never rejects: what the parser cannot cope with, in time or at all, is refused. Undefined when too many texts of this tenant, or of all,
   * are waiting. A text that is asked for twice at once is parsed once. Tenants are served round robin.
   */
  judge(text: string, tenantId: string): Promise<Verdicts | undefined>;
  close(): Promise<void>;
}

interface Job {
  readonly text: string;
  readonly done: (verdicts: Verdicts | undefined) => void;
}

/** Of one text, from when the thread has it. */
const TIMEOUT_MS = 10_000;
const MAX_WAITING = 512;
const MAX_WAITING_OF_TENANT = 8;
/** The parser's memory grows with the longest text and never shrinks: a thread that is not needed is ended. */
const IDLE_MS = 10_000;

const TOO_COMPLEX = refusedEverywhere(
  'too_complex',
  'The statement is nested too deeply, or has too many parts, to be looked at.',
);

/**
 * Judges texts on a thread of its own, one after the other and round robin by tenant, so that a long one holds up nobody with a short one, and
 * many of one tenant hold up another's by no more than one. A text that breaks the parser, or takes too long, takes the thread with it; the
 * next one gets another. The thread starts with the first text.
 */
export function createLongTexts(): LongTexts {
  const pending = new Map<string, Promise<Verdicts | undefined>>();
  const waiting = createRoundRobin<Job>();
  let worker: Worker | undefined;
  let current: (Job & { readonly timer: NodeJS.Timeout }) | undefined;

  let idle: NodeJS.Timeout | undefined;

  const endIdle = (): void => {
    const thread = worker;
    worker = undefined;
    void thread?.terminate();
  };
  const next = (): void => {
    if (current !== undefined) return;
    clearTimeout(idle);
    const job = waiting.take();
    if (job === undefined) {
      worker?.unref();
      idle = setTimeout(endIdle, IDLE_MS).unref();
      return;
    }
    const thread = (worker ??= start());
    thread.ref();
    current = { ...job, timer: setTimeout(() => abandon(thread), TIMEOUT_MS) };
    thread.postMessage(job.text, []);
  };
  const finish = (verdicts: Verdicts | undefined): void => {
    const job = current;
    current = undefined;
    clearTimeout(job?.timer);
    job?.done(verdicts);
    next();
  };
  /** Ends a thread whose parser is in doubt. */
  const abandon = (thread: Worker): void => {
    if (worker !== thread) return;
    worker = undefined;
    void thread.terminate();
    finish(TOO_COMPLEX);
  };
  const start = (): Worker => {
    const thread = new Worker(new URL('long-text-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 512, stackSizeMb: 4 },
    });
    thread.on('message', (verdicts: Verdicts) => {
      if (worker === thread) finish(verdicts);
    });
    thread.on('error', () => abandon(thread));
    thread.on('exit', () => abandon(thread));
    return thread;
  };

  return {
    judge(text, tenantId) {
      const known = pending.get(text);
      if (known !== undefined) return known;
      if (waiting.size() >= MAX_WAITING || waiting.sizeOf(tenantId) >= MAX_WAITING_OF_TENANT) return Promise.resolve(undefined);
      const judged = new Promise<Verdicts | undefined>((resolve) => {
        waiting.add(tenantId, { text, done: resolve });
        next();
      }).finally(() => pending.delete(text));
      pending.set(text, judged);
      return judged;
    },
    async close() {
      const thread = worker;
      worker = undefined;
      for (let job = waiting.take(); job !== undefined; job = waiting.take()) job.done(undefined);
      if (current !== undefined) finish(undefined);
      clearTimeout(idle);
      await thread?.terminate();
    },
  };
}
