import type { TenantPool } from '@ultracore/tenant-pool';
import { expect, test } from 'vitest';
import { Gathering } from '../../src/query/gathered.ts';
import { createMemoryBudget } from '../../src/query/budget.ts';
import { runTransaction } from '../../src/query/run-transaction.ts';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';

test('a transaction that is given up does not wait for the types of its parameters', async () => {
  const abort = new AbortController();
  const pool = {
    describe: (_sql: string, { signal }: { signal?: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('given up')));
      }),
  };
  const limits = { maxResultBytes: 1, maxResultRows: 1 };
  const gathering = new Gathering(createByteBuffer(), createMemoryBudget(1, 1), {
    tenantId: 'acme',
    rowMode: 'object',
    maxRows: undefined,
    limits,
  });
  const ended = runTransaction({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it asks of a pool before it has a connection
    pool: pool as unknown as TenantPool,
    statements: [{ sql: 'select $1', params: [['a', 'b']] }],
    isolation: undefined,
    gathering,
    deadline: performance.now() + 60_000,
    signal: abort.signal,
  });
  abort.abort();
  expect((await ended)?.code).toBe('internal');
});
