import type { Pool, PoolClient } from 'pg';

export interface CheckedOut {
  readonly client: PoolClient;
  /** Does something that leaves the connection as the next user may have it. Nothing on one that is broken; one on which it fails is. */
  restore(work: () => Promise<unknown>): Promise<void>;
  /** Back to the pool; a connection that is broken is destroyed instead. */
  giveBack(): void;
}

/** Takes a connection out of the pool, which listens only while it is idle: without a listener of ours one that breaks would end the process. */
export async function checkOut(pool: Pool): Promise<CheckedOut> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const breaks = (error: Error): void => {
    broken = error;
  };
  client.on('error', breaks);
  return {
    client,
    async restore(work) {
      if (broken === undefined) await work().catch(breaks);
    },
    giveBack() {
      client.off('error', breaks);
      client.release(broken);
    },
  };
}
