import { type PoolSink, type PooledConnection, type Statement, type TenantPool, WireError } from '@ultracore/tenant-pool';
import { expect, test } from 'vitest';
import { bindParameters } from '../../src/query/bind.ts';
import { Gathering } from '../../src/query/gathered.ts';
import { createMemoryBudget } from '../../src/query/budget.ts';
import { runTransaction } from '../../src/query/run-transaction.ts';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';

const INT_ARRAY = 1007;

function running(connection: Partial<PooledConnection>, statements: { sql: string; params?: unknown[] }[]) {
  const limits = { maxResultBytes: 1000, maxResultRows: 1 };
  const options = { tenantId: 'acme', rowMode: 'object', maxRows: undefined, limits } as const;
  return runTransaction({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that a transaction asks of a pool
    pool: { acquire: () => Promise.resolve(connection) } as unknown as TenantPool,
    statements,
    isolation: undefined,
    gathering: new Gathering(createByteBuffer(), createMemoryBudget(1, 1), options),
    deadline: performance.now() + 60_000,
    signal: new AbortController().signal,
  });
}

/** A connection that says what it is asked, in order. */
function recording(asked: string[]): Partial<PooledConnection> {
  return {
    begin: async () => void asked.push('begin'),
    async describe(text) {
      asked.push(`describe ${text}`);
      return [INT_ARRAY];
    },
    execute({ text, params }: Statement, sink: PoolSink) {
      asked.push(`${text} ${String(params[0])}`);
      queueMicrotask(() => sink.complete('INSERT 0 1'));
    },
    commit: async () => void asked.push('commit'),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

test('a list in a transaction is bound on its own connection, after the statements before it have run', async () => {
  const asked: string[] = [];
  const problem = await running(recording(asked), [
    { sql: 'create', params: ['x'] },
    { sql: 'insert', params: [[1, 2]] },
  ]);
  expect(problem).toBeUndefined();
  expect(asked).toEqual(['begin', 'create x', 'describe insert', 'insert {"1","2"}', 'commit']);
});

test('a value that cannot be sent has a transaction refused before it has a connection, with the statement at fault', async () => {
  const asked: string[] = [];
  const problem = await running(recording(asked), [{ sql: 'a' }, { sql: 'b', params: ['\0'] }]);
  expect(problem).toMatchObject({ code: 'parameter_invalid', members: { statement: 1 } });
  expect(asked).toEqual([]);
});

test('a transaction whose connection is taken back does not wait for the types of its parameters', async () => {
  const problem = await running({ ...recording([]), describe: () => Promise.reject(new Error('given up')) }, [
    { sql: 'select $1', params: [['a']] },
  ]);
  expect(problem).toMatchObject({ code: 'internal', members: { statement: 0 } });
});

test('a change whose types could not be asked for has not run, even when the connection was lost while they were', async () => {
  const lost = new WireError('connection_lost', 'gone', { started: true });
  const told = Promise.withResolvers<unknown>();
  const call = { sql: 'insert', params: [[1]], deadline: performance.now() + 60_000 };
  bindParameters({ describe: () => Promise.reject(lost) }, call, told.resolve, told.resolve);
  expect(await told.promise).toMatchObject({ code: 'connection_lost' });
});
