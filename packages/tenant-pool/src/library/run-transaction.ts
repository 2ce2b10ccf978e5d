import type { LeaseOptions } from '../pool/lease.ts';
import type { PooledConnection } from './connection.ts';
import type { Transaction, TransactionOptions } from './query-options.ts';

interface Acquires {
  acquire(options: LeaseOptions): Promise<PooledConnection>;
}

/** Begin, work, commit; rolled back when the work throws. */
export async function runTransaction<T>(
  pool: Acquires,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions & { readonly timeoutMs: number },
): Promise<T> {
  const connection = await pool.acquire({
    deadline: performance.now() + options.timeoutMs,
    signal: options.signal,
    onPrimary: options.isolation === 'serializable',
  });
  try {
    await connection.begin(options.isolation);
    const result = await work({ query: (text, params) => connection.query(text, params) });
    await connection.commit();
    return result;
  } catch (error) {
    // What the connection has lost is rolled back by Postgres itself.
    await connection.rollback().catch(() => {});
    throw error;
  } finally {
    connection.release();
  }
}
