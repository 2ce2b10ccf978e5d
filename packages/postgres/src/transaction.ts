import type { Pool, PoolClient } from 'pg';
import { checkOut } from './check-out.ts';
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
  const connection = await checkOut(pool);
  const { client } = connection;
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
    await connection.restore(() => client.query('rollback'));
    throw error;
  } finally {
    connection.giveBack();
  }
}

function beginStatement({ isolation, readOnly }: TransactionOptions): string {
  return `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`;
}
