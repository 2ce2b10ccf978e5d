import type { Field } from '../wire/backend.ts';

export interface QueryOptions {
  /** Waiting and running end after so long. Default: the manager's statement timeout. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface QueryResult<Row = Record<string, unknown>> {
  readonly rows: Row[];
  /** Rows returned or changed, as Postgres counts them; 0 for a statement that does neither. */
  readonly rowCount: number;
  readonly fields: readonly Field[];
  /** `SELECT`, `INSERT`, … */
  readonly command: string;
}

export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable';

export interface TransactionOptions extends QueryOptions {
  readonly isolation?: IsolationLevel | undefined;
}

/** What runs inside of a transaction. */
export interface Transaction {
  query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
}
