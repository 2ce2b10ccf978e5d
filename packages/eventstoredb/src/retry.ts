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

/** The promise's outcome, or `unavailable` when there is none in time: the client never settles an append whose connection was cut in silence. */
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
