import type { z } from 'zod';

export interface Statement {
  readonly sql: string;
  readonly params?: readonly (string | number | boolean | null)[];
}

/**
 * The database of the tenant of the current context. Both ways to it behave alike, so SQL asks for what they write alike: numbers beyond
 * an integer come as text, and dates and times are selected `::text`. Rejects with a `DatabaseError`.
 */
export interface TenantDatabase {
  /** Through the read-only login where the context only reads. A row that is not what `row` says is a bug, and a `ZodError`. */
  query<Row>(row: z.ZodType<Row>, statement: Statement): Promise<Row[]>;
  /** All of the statements or none; the rows of each. */
  transaction(statements: readonly Statement[]): Promise<readonly (readonly unknown[])[]>;
  /** Row by row, as fast as they are taken. Leaving the loop ends the statement. */
  stream<Row>(row: z.ZodType<Row>, statement: Statement): AsyncIterable<Row>;
}
