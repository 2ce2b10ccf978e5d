import type { PoolSink, SubmitRequest, TenantPool } from '@ultracore/tenant-pool';
import { expect, test } from 'vitest';
import type { Answer, Call, StreamAnswer } from '../../src/query/call.ts';
import { createMemoryBudget, type MemoryBudget } from '../../src/query/budget.ts';
import { createQueryService, type QueryServiceDeps } from '../../src/query/query-service.ts';
import type { QueryBody } from '../../src/query/request.ts';
import { callerGone } from '../../src/inbound/http/calls.ts';
import { noUsage } from '../../src/metering/usage.ts';

const TEXT_BYTES = 300 * 1024;

/** A DataRow with one text. */
function row(): Buffer {
  const bytes = Buffer.alloc(6 + TEXT_BYTES, 'x');
  bytes.writeInt16BE(1, 0);
  bytes.writeInt32BE(TEXT_BYTES, 2);
  return bytes;
}

const poolOf = (tenantId: string): TenantPool =>
  ({
    tenantId,
    submit(_request: SubmitRequest, sink: PoolSink) {
      queueMicrotask(() => {
        sink.columns([{ name: 'a', typeOid: 25, typeModifier: -1, tableOid: 0, column: 0 }]);
        sink.row(row(), 0, 6 + TEXT_BYTES);
        sink.complete('SELECT 1');
      });
      return { abort: () => {} };
    },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a query without lists in its parameters uses nothing else
  }) as unknown as TenantPool;

const deps: Omit<QueryServiceDeps, 'memory'> = {
  directory: {
    find: (tenantId) => ({ tenantId, tier: 'small', status: 'active', grants: new Map(), bounds: new Map(), since: 0 }),
    currentness: () => 'current',
  },
  pools: { getPool: (tenantId = '') => poolOf(tenantId) },
  guard: {
    inspect: () => ({ allowed: true, lane: 'shared', reads: true, repeatable: true, kind: 'select' }),
    prepare: () => undefined,
    close: () => Promise.resolve(),
  },
  limits: { timeoutMs: 1000, maxTimeoutMs: 1000, maxResultBytes: 1024 * 1024, maxResultRows: 10 },
  meter: { of: noUsage },
  outcomes: { observe: () => {} },
};

const callOf = (tenantId: string): Call<QueryBody> => ({
  principal: { subject: 'u', roles: [], tenantId },
  tenantHeader: undefined,
  body: { sql: 'select a' },
  bodyBytes: 20,
  requestId: 'r',
});

/** Asks for an answer of 300 KiB, more than 64 KiB of which count. */
function asker(limit: number, ofOne: number): (tenantId: string) => Promise<{ code: string; sent: (() => void) | undefined }> {
  const service = createQueryService({ ...deps, memory: createMemoryBudget(limit, ofOne) });
  return (tenantId) =>
    new Promise((resolve) => {
      const answer: Answer = {
        completed: (_body, sent) => resolve({ code: 'ok', sent }),
        failed: ({ code }) => resolve({ code, sent: undefined }),
      };
      service.query(callOf(tenantId), answer);
    });
}

test('a large answer takes of the memory for all answers until its caller has read it, and not only until it is gathered', async () => {
  const ask = asker(400 * 1024, 400 * 1024);
  const first = await ask('acme');
  expect(first.code).toBe('ok');
  expect((await ask('acme')).code).toBe('gateway_busy');
  first.sent?.();
  expect((await ask('acme')).code).toBe('ok');
});

test('callers who do not read their answers hold up no other tenant', async () => {
  const ask = asker(800 * 1024, 400 * 1024);
  expect((await ask('acme')).code).toBe('ok');
  expect((await ask('acme')).code).toBe('gateway_busy');
  expect((await ask('globex')).code).toBe('ok');
});

test('long bodies of requests that wait or run take of the memory for all, each tenant within its own part, until their calls have ended', async () => {
  const memory = createMemoryBudget(800 * 1024, 400 * 1024);
  const waiting: PoolSink[] = [];
  const pools = {
    getPool: (tenantId = '') =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
      ({
        tenantId,
        submit: (_request: SubmitRequest, sink: PoolSink) => (waiting.push(sink), { abort: () => {} }),
      }) as unknown as TenantPool,
  };
  const service = createQueryService({ ...deps, pools, memory });
  const refused: string[] = [];
  const ask = (tenantId: string, params: readonly unknown[], bodyBytes: number): void => {
    const call = { ...callOf(tenantId), bodyBytes };
    const answer: Answer = { completed: () => {}, failed: ({ code }) => refused.push(`${tenantId} ${code}`) };
    service.query({ ...call, body: { sql: 'select $1', params: [...params] } }, answer);
  };
  ask('acme', ['short'], 100);
  expect(memory.used).toBe(0);
  ask('acme', ['x'], 300 * 1024);
  ask('acme', ['x'], 300 * 1024);
  expect(refused.splice(0)).toEqual(['acme gateway_busy']);
  // Small values take more than their text.
  ask(
    'globex',
    Array.from({ length: 15_000 }, () => 1),
    30 * 1024,
  );
  expect(refused.splice(0)).toEqual(['globex gateway_busy']);
  ask('globex', ['x'], 300 * 1024);
  expect(waiting).toHaveLength(3);
  for (const sink of waiting) sink.complete('SELECT 0');
  expect(memory.used).toBe(0);
  expect(refused).toEqual([]);
});

/** Streams a row of 300 KiB to a caller that has enough with the first piece, until the rows have ended. */
async function streamed(memory: MemoryBudget): Promise<() => void> {
  const ended = Promise.withResolvers<() => void>();
  const answer: StreamAnswer = {
    write: () => false,
    end: (taken = () => {}) => ended.resolve(taken),
    failed: (problem) => ended.reject(problem),
  };
  createQueryService({ ...deps, memory }).stream(callOf('acme'), answer);
  return ended.promise;
}

test('a long row of a stream takes of the memory until its caller has read it, also when it was the last', async () => {
  const memory = createMemoryBudget(400 * 1024, 400 * 1024);
  const taken = await streamed(memory);
  expect(memory.used).toBeGreaterThan(0);
  taken();
  expect(memory.used).toBe(0);
});

test('a stream that is given up takes of the memory what its caller has not read', async () => {
  const memory = createMemoryBudget(400 * 1024, 400 * 1024);
  const written = Promise.withResolvers<void>();
  let taken = (): void => {};
  const pool = {
    tenantId: 'acme',
    submit(_request: SubmitRequest, sink: PoolSink) {
      queueMicrotask(() => {
        sink.columns([{ name: 'a', typeOid: 25, typeModifier: -1, tableOid: 0, column: 0 }]);
        sink.row(row(), 0, 6 + TEXT_BYTES);
        written.resolve();
      });
      return { abort: () => {} };
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const pools = { getPool: () => pool as unknown as TenantPool };
  const answer: StreamAnswer = { write: () => false, end: (given = () => {}) => (taken = given), failed: () => {} };
  const run = createQueryService({ ...deps, pools, memory }).stream(callOf('acme'), answer);
  await written.promise;
  run.abort(callerGone());
  expect(memory.used).toBeGreaterThan(0);
  run.resume();
  expect(memory.used).toBe(0);
  taken();
  expect(memory.used).toBe(0);
});
