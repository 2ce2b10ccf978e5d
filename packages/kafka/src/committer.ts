import type { Logger } from './client.ts';
import type { PartitionQueue } from './partition-queue.ts';
import type { Session } from './session.ts';

const EVERY_MS = 100;

export interface Committer {
  /** Something is done: it will be committed soon, together with what gets done until then. */
  schedule(): void;
  /** Commits what is done now. Never rejects: what could not be committed stays due. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Commits for the queues that are held at that moment, one request at a time and at most ten a second. */
export const createCommitter = (session: Session, logger: Logger, queues: () => readonly PartitionQueue[]): Committer => {
  let timer: NodeJS.Timeout | undefined;
  let lastAt = -EVERY_MS;
  let last = Promise.resolve();

  const commit = async (): Promise<void> => {
    lastAt = performance.now();
    const due = queues().flatMap((queue) => {
      const offset = queue.committable();
      return offset === undefined ? [] : [{ queue, offset }];
    });
    if (due.length === 0) return;
    const topics = [...Map.groupBy(due, ({ queue }) => queue.topic)].map(([topic, entries]) => ({
      topic,
      partitions: entries.map(({ queue, offset }) => ({ partition: queue.partition, offset: String(offset) })),
    }));
    try {
      await session.commit({ topics });
      for (const { queue, offset } of due) queue.committed(offset);
    } catch (error) {
      logger.debug({ err: error }, 'offsets could not be committed yet');
      schedule();
    }
  };

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    last = last.then(commit);
    return last;
  };

  /** From a timer, never from within a handler's promise: a rejoin changes the group in one go, which only a timer cannot split. */
  const schedule = (): void => {
    timer ??= setTimeout(() => void flush(), Math.max(0, lastAt + EVERY_MS - performance.now()));
  };

  return {
    schedule,
    flush,
    async stop() {
      await flush();
      clearTimeout(timer);
    },
  };
};
