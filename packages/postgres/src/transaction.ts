import type { Pool, PoolClient } from 'pg';
import { PostgresError } from './errors.ts';

export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

export interface TransactionOptions {
  /** Default `read committed`. */
  isolation?: Isolation;
  readOnly?: boolean;
}

/**
 * Runs `work` in one transaction. It is committed when `work` returns and rolled back when it throws; what `work` threw is
 * thrown on. A connection that broke, or that would not roll back, is destroyed instead of going back to the pool.
 *
 * Throws `transaction_rolled_back` when Postgres answered COMMIT with a rollback, which it does without an error after
 * `work` swallowed one. An error of COMMIT itself that is not a SQLSTATE (a lost connection) leaves the outcome unknown.
 */
export async function transaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens only while a connection is idle; without a listener of ours the process would end.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query(beginStatement(options));
    const result = await work(client);
    const commit = await client.query('commit');
    if (commit.command === 'ROLLBACK') {
      throw new PostgresError(
        'transaction_rolled_back',
        'Nothing was stored: a statement of the transaction had failed and its error was not passed on.',
      );
    }
    return result;
  } catch (error) {
    broken ??= await rollback(client);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

function beginStatement({ isolation, readOnly }: TransactionOptions): string {
  return `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`;
}

/** The error that makes the connection unusable, if it could not be brought back to a clean state. */
async function rollback(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
