import { freshDatabase, testStack } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { createPool } from '../src/index.ts';

export interface TestPool extends AsyncDisposable {
  pool: Pool;
  url: string;
  /** Messages that the pool logged. */
  warnings: string[];
}

/** A pool on an empty database of its own; both are gone when it goes out of scope. */
export async function testPool(options: { max?: number; idleInTransactionTimeoutMs?: number } = {}): Promise<TestPool> {
  const database = await freshDatabase(testStack());
  const warnings: string[] = [];
  const logger = { warn: (_details: object, message: string) => void warnings.push(message) };
  const pool = createPool({ connectionString: database.url, applicationName: 'postgres-test', logger, ...options });
  return {
    pool,
    url: database.url,
    warnings,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}
