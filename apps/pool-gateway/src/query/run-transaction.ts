import type { ProblemError } from '@ultracore/service';
import { isWireError, type ParameterValue, type PooledConnection, type TenantPool } from '@ultracore/tenant-pool';
import { atStatement } from './admission.ts';
import { bindParameters } from './bind.ts';
import type { Gathering } from './gathered.ts';
import { outcomeUnknown, toProblemError } from './problems.ts';
import type { TransactionBody } from './request.ts';

export interface TransactionRun {
  readonly pool: TenantPool;
  readonly statements: TransactionBody['statements'];
  readonly isolation: TransactionBody['isolation'];
  readonly gathering: Gathering;
  /** `performance.now()` */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** Nothing is committed before the last statement has ended, so the loss of a connection before that changes nothing. */
const UNDONE = { reads: true } as const;

/**
 * Runs the statements one after the other on one connection, then commits. Whatever fails, nothing of it stays; only when the answer to the commit
 * itself is lost it is not known. Never rejects: answers the problem, or undefined when the results are in `gathering`.
 */
export async function runTransaction(run: TransactionRun): Promise<ProblemError | undefined> {
  const { pool, statements, gathering, deadline, signal } = run;
  try {
    const bound = await Promise.all(statements.map((statement, index) => bind(run, statement, index)));
    await using connection = await pool.acquire({ signal, deadline });
    await connection.begin(run.isolation);
    gathering.out.ascii('{"results":[');
    for (const [index, { sql }] of statements.entries()) {
      if (index > 0) gathering.out.ascii(',');
      await execute(connection, gathering, { text: sql, params: bound[index] ?? [] }, index);
      if (gathering.problem !== undefined) return gathering.problem;
    }
    gathering.out.ascii(']}');
    await commit(connection);
    return undefined;
  } catch (error) {
    const problem = toProblemError(error, UNDONE);
    return problem.code === 'outcome_unknown' ? problem : (gathering.problem ?? problem);
  }
}

const bind = ({ pool, deadline, signal }: TransactionRun, statement: TransactionBody['statements'][number], index: number) =>
  new Promise<readonly ParameterValue[]>((resolve, reject) => {
    bindParameters(pool, { ...statement, deadline, signal }, resolve, (error) =>
      reject(atStatement(toProblemError(error, UNDONE), index)),
    );
  });

const execute = (
  connection: PooledConnection,
  gathering: Gathering,
  statement: { text: string; params: readonly ParameterValue[] },
  index: number,
) =>
  new Promise<void>((resolve, reject) => {
    gathering.next();
    connection.execute(statement, {
      columns: (fields) => gathering.columns(fields),
      row: (buffer, start, end) => gathering.row(buffer, start, end),
      complete(tag) {
        gathering.complete(tag, UNDONE);
        resolve();
      },
      failed: (error) => reject(atStatement(toProblemError(error, UNDONE), index)),
    });
  });

async function commit(connection: PooledConnection): Promise<void> {
  try {
    await connection.commit();
  } catch (error) {
    // Postgres refusing to commit (a deferred constraint, a serialization failure) is an answer; no answer is none.
    if (isWireError(error) && error.code === 'postgres') throw error;
    throw outcomeUnknown(error);
  }
}
