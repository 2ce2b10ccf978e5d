import type { SubmissionHandle } from '@ultracore/tenant-pool';
import { describe, expect, test } from 'vitest';
import { createMemoryBudget, MemoryClaim, type MemoryBudget } from '../../src/query/budget.ts';
import { Gathering } from '../../src/query/gathered.ts';
import { StreamSink } from '../../src/query/stream-sink.ts';
import { createByteBuffer } from '../../src/result/byte-buffer.ts';
import { dataRow, fieldsOf } from '../result/rows.ts';

const KIB = 1024;
const BOUND = 100 * KIB;
const FIELDS = fieldsOf({ a: 25 });
/** Takes six bytes in JSON. */
const CONTROL = '\u0001';

const budgetOf = (bytes: number): MemoryBudget => createMemoryBudget(bytes, bytes);

function gather(texts: readonly string[], budget = budgetOf(10 * BOUND)): Gathering {
  const limits = { maxResultBytes: BOUND, maxResultRows: 1000 };
  const options = { tenantId: 'acme', rowMode: 'array', maxRows: undefined, limits } as const;
  const gathering = new Gathering(createByteBuffer(), budget, options);
  gathering.columns(FIELDS);
  for (const text of texts) {
    const row = dataRow([text]);
    gathering.row(row, 0, row.length);
  }
  return gathering;
}

describe('an answer that is gathered', () => {
  test('is bounded by what it takes as JSON, beyond which it goes by one short row at most', () => {
    const gathering = gather(Array.from({ length: 50 }, () => CONTROL.repeat(7 * KIB)));
    expect(gathering.problem).toMatchObject({ code: 'result_too_large' });
    expect(gathering.out.length).toBeLessThan(BOUND + 6 * 8 * KIB);
  });

  test('takes no memory for a long row that would go beyond its bound', () => {
    const gathering = gather([CONTROL.repeat(90 * KIB)]);
    expect(gathering.problem).toMatchObject({ code: 'result_too_large' });
    expect(gathering.out.capacity).toBeLessThan(BOUND);
  });

  test('holds a long row that fits', () => {
    const gathering = gather(['x'.repeat(99 * KIB)]);
    expect(gathering.problem).toBeUndefined();
    expect(gathering.rows).toBe(1);
  });

  test('counts as JSON against the memory for all answers', () => {
    const gathering = gather([CONTROL.repeat(15 * KIB)], budgetOf(KIB));
    expect(gathering.problem).toMatchObject({ code: 'gateway_busy' });
  });
});

/** What a stream of these texts has sent, to a caller that reads all or nothing of it. */
function stream(texts: readonly string[], { reads = true, budget = budgetOf(10 * BOUND) } = {}) {
  const chunks: Buffer[] = [];
  let isAborted = false;
  const answer = {
    write: (chunk: Buffer) => chunks.push(chunk) > 0 && reads,
    end: () => {},
    failed: () => {},
  };
  const handle: SubmissionHandle = { abort: () => void (isAborted = true) };
  const sink = new StreamSink(answer, {
    requestId: 'r',
    rowMode: 'array',
    maxRows: undefined,
    maxRowBytes: BOUND,
    claim: new MemoryClaim(budget, 'acme'),
    reads: true,
    end: () => {},
  });
  sink.follow(() => handle);
  sink.columns(FIELDS);
  for (const text of texts) {
    const row = dataRow([text]);
    sink.row(row, 0, row.length);
  }
  return { sink, isAborted: () => isAborted, sent: () => Buffer.concat(chunks).toString() };
}

describe('a stream', () => {
  test('holds no row that takes more than an answer may as JSON', () => {
    const { sink, sent, isAborted } = stream(['first', CONTROL.repeat(90 * KIB), 'last']);
    expect(isAborted()).toBe(true);
    sink.complete('SELECT 3');
    const lines = sent().trimEnd().split('\n');
    expect(lines[1]).toBe('["first"]');
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({ error: { code: 'value_too_large' } });
    expect(lines).toHaveLength(3);
  });

  test('takes of the memory for answers what its caller has not read of long rows, and gives it back', () => {
    const budget = budgetOf(3 * BOUND);
    const { sink, isAborted } = stream(['x'.repeat(80 * KIB)], { reads: false, budget });
    expect(budget.used).toBeGreaterThan(0);
    expect(isAborted()).toBe(false);
    sink.resume();
    expect(budget.used).toBe(0);
    const tight = stream(['x'.repeat(80 * KIB)], { reads: false, budget: budgetOf(KIB) });
    expect(tight.isAborted()).toBe(true);
  });
});
