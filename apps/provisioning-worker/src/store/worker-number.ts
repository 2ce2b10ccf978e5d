import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { WORKER_LOCK_CLASS } from './leases.ts';

const LOCK_AGAIN_MS = 500;

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
  const number = result.rows[0]?.number ?? 0;
  await lock(client, number);
  let current: PoolClient | undefined = watch(client);

  function watch(held: PoolClient): PoolClient {
    held.on('error', (error: Error) => {
      if (current !== held) return;
      current = undefined;
      held.release(error);
      logger.warn({ err: error }, 'the connection that shows this worker to be alive broke');
      void lockAgain();
    });
    return held;
  }

  async function lockAgain(): Promise<void> {
    while (!stopping.signal.aborted && current === undefined) {
      try {
        const next = await pool.connect();
        await lock(next, number);
        current = watch(next);
      } catch {
        await sleep(LOCK_AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  return {
    number,
    stop() {
      stopping.abort();
      const held = current;
      current = undefined;
      // Destroyed, not given back: the lock belongs to the session.
      held?.release(true);
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
