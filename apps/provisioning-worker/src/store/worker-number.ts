import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { WORKER_LOCK_CLASS } from './leases.ts';

export interface WorkerNumber {
  readonly number: number;
  stop(): void;
}

interface Logger {
  warn(details: object, message: string): void;
}

/**
 * A number of this process's own with an advisory lock on it. The lock goes when the process does, however it ends, which is
 * how the others know at once that its leases are free. When only the connection breaks, the lock is taken again; leases that
 * somebody took over meanwhile are lost, which their fencing makes safe.
 */
export async function takeWorkerNumber(pool: Pool, logger: Logger): Promise<WorkerNumber> {
  const stopping = new AbortController();
  const client = await pool.connect();
  const result = await client.query<{ number: number }>("select nextval('worker.worker_number')::integer as number");
  const number = result.rows[0]?.number;
  if (number === undefined) throw new TypeError('A sequence gave no number.');
  await lock(client, number);
  let current = watch(client);

  function watch(held: PoolClient): PoolClient {
    held.once('error', (error: Error) => {
      held.release(error);
      if (stopping.signal.aborted) return;
      logger.warn({ err: error }, 'the connection that shows this worker to be alive broke');
      void lockAgain();
    });
    return held;
  }

  async function lockAgain(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const next = await pool.connect();
        await lock(next, number ?? 0);
        current = watch(next);
        return;
      } catch {
        await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  return {
    number,
    stop() {
      stopping.abort();
      // Destroyed, not given back: the lock belongs to the session.
      current.release(true);
    },
  };
}

async function lock(client: PoolClient, number: number): Promise<void> {
  try {
    await client.query('select pg_advisory_lock($1, $2)', [WORKER_LOCK_CLASS, number]);
  } catch (error) {
    client.release(true);
    throw error;
  }
}
