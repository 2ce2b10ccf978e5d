import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDbError } from './errors.ts';

/** Waits 50 ms, then twice as long each time up to 2 s, with a quarter of chance so that many do not come back at once. */
export function createBackoff() {
  let milliseconds = 50;
  return {
    reset: () => {
      milliseconds = 50;
    },
    async wait(signal?: AbortSignal): Promise<void> {
      const delay = milliseconds * (0.75 + Math.random() / 2);
      milliseconds = Math.min(milliseconds * 2, 2_000);
      await sleep(delay, undefined, signal ? { signal } : {}).catch(() => undefined);
    },
  };
}

/** The promise's outcome, or `unavailable` when there is none in time: a connection that was cut in silence settles nothing for long. */
export async function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new EventStoreDbError('unavailable', `the event store did not answer ${what} within ${Math.round(milliseconds)} ms`),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Fulfilled when the server answers again, or at the deadline (milliseconds since 1970). */
export type Recovery = (deadline: number) => Promise<void>;

/** One question at a time for all who wait: a hundred who ask a server that is just coming back keep it from doing so. */
export function createRecovery(ask: () => Promise<unknown>): Recovery {
  const waiting = new Set<object>();
  let answered: Promise<void> | undefined;

  const askUntilAnswered = async (): Promise<void> => {
    const backoff = createBackoff();
    while (waiting.size > 0) {
      try {
        await ask();
        return;
      } catch {
        await backoff.wait();
      }
    }
  };

  return async (deadline) => {
    const waiter = {};
    waiting.add(waiter);
    answered ??= askUntilAnswered().finally(() => {
      answered = undefined;
    });
    try {
      await within(Math.max(deadline - Date.now(), 0), 'at all', answered);
    } catch {
      // The deadline is the caller's to judge.
    } finally {
      waiting.delete(waiter);
    }
  };
}

/**
 * Does it, and again while the connection is to blame, until the deadline (milliseconds since 1970); then throws what `giveUp` makes of the last
 * error. What `isFinal` is thrown at once.
 */
export async function untilDeadline<T>(options: {
  attempt: () => Promise<T>;
  isFinal: (error: unknown) => boolean;
  giveUp: (error: unknown) => Error;
  recovery: Recovery;
  deadline: number;
}): Promise<T> {
  const { attempt, isFinal, giveUp, recovery, deadline } = options;
  const backoff = createBackoff();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isFinal(error)) throw error;
      if (Date.now() < deadline) {
        await backoff.wait();
        await recovery(deadline);
      }
      if (Date.now() >= deadline) throw giveUp(error);
    }
  }
}
