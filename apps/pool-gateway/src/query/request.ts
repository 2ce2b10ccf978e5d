import { z } from 'zod';

const wellFormed = (text: string): boolean => text.isWellFormed();

const sql = z
  .string()
  .min(1)
  .refine(wellFormed, { params: { code: 'not_unicode' }, message: 'is not well-formed Unicode: it has half of a surrogate pair' })
  .describe('One statement, with $1, $2, … for parameters');

/** 65,535 is the most that the wire protocol can count. */
const params = z
  .array(z.unknown())
  .max(65_535)
  .describe(
    'One value for each parameter: null, boolean, number, string, array, or an object for json. Numbers beyond 2^53 as strings',
  );

const readonly = z
  .boolean()
  .describe("Run under the tenant's read-only login, on a replica where there is one that is not behind");
const timeoutMs = z
  .int()
  .min(1)
  .describe('From receipt to the last row, waiting included. Default and maximum are the gateway’s');
const rowMode = z.enum(['object', 'array']).describe('Rows as objects by column name, or as arrays in column order');

export const queryBody = z
  .strictObject({
    sql,
    params: params.optional(),
    readonly: readonly.optional(),
    row_mode: rowMode.optional(),
    timeout_ms: timeoutMs.optional(),
    max_rows: z.int().min(1).optional().describe('A result with more rows is an error, never cut off'),
  })
  .describe('One SQL statement');
export type QueryBody = z.infer<typeof queryBody>;

const MAX_STATEMENTS = 1000;

export const transactionBody = z
  .strictObject({
    statements: z
      .array(z.strictObject({ sql, params: params.optional() }))
      .min(1)
      .max(MAX_STATEMENTS),
    isolation: z.enum(['read committed', 'repeatable read', 'serializable']).optional(),
    readonly: readonly.optional(),
    row_mode: rowMode.optional(),
    timeout_ms: timeoutMs.optional().describe('For all statements together'),
  })
  .describe('Statements that happen all or not at all');
export type TransactionBody = z.infer<typeof transactionBody>;

const column = z.object({ name: z.string(), type: z.string(), type_oid: z.int() });
const row = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]);

export const queryResult = z
  .object({
    columns: z.array(column),
    rows: z.array(row),
    row_count: z.int().describe('Rows returned, or changed by a statement that returns none'),
    command: z.string().describe('SELECT, INSERT, …'),
  })
  .describe('What the statement returned');
export const transactionResult = z.object({ results: z.array(queryResult) }).describe('One result a statement, in order');
