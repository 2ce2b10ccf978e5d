import type { ProblemError } from '@ultracore/service';
import { isWireError, type ParameterValue, type PooledConnection, type TenantPool } from '@ultracore/tenant-pool';
import { needsTypes, toParameters } from '../result/parameters.ts';
import { atStatement } from './admission.ts';
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

type Unbound = TransactionBody['statements'][number];

/** Nothing is committed before the last statement has ended, so the loss of a connection before that changes nothing. */
const UNDONE = { reads: true } as const;

/**
 * Runs the statements one after the other on one connection, then commits. Whatever fails, nothing of it stays; only when the answer to the commit
 * itself is lost it is not known. Never rejects: answers the problem, or undefined when the results are in `gathering`.
 */
export async function runTransaction(run: TransactionRun): Promise<ProblemError | undefined> {
  const { pool, statements, gathering, deadline, signal } = run;
  try {
    const bound = statements.map((statement, index) => bindAlone(statement, index));
    await using connection = await pool.acquire({ signal, deadline, onPrimary: run.isolation === 'serializable' });
    await connection.begin(run.isolation);
    gathering.out.ascii('{"results":[');
    for (const [index, statement] of statements.entries()) {
      if (index > 0) gathering.out.ascii(',');
      const params = bound[index] ?? (await bindOn(connection, statement, index));
      await execute(connection, gathering, { text: statement.sql, params }, index);
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

/** Without the server, where the values alone say how; otherwise undefined. */
function bindAlone({ params = [] }: Unbound, index: number): readonly ParameterValue[] | undefined {
  if (needsTypes(params)) return undefined;
  try {
    return toParameters(params);
  } catch (error) {
    throw atStatement(toProblemError(error, UNDONE), index);
  }
}

/** Just before it is run: what it works on may have been made by the statements before it. */
async function bindOn(
  connection: PooledConnection,
  { sql, params = [] }: Unbound,
  index: number,
): Promise<readonly ParameterValue[]> {
  try {
    return toParameters(params, await connection.describe(sql));
  } catch (error) {
    throw atStatement(toProblemError(error, UNDONE), index);
  }
}

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
