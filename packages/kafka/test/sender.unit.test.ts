import { describe, expect, it } from 'vitest';
import { isKafkaError } from '../src/index.ts';
import { byTopic, checkAnswered, inRequests } from '../src/sender.ts';
import type { WireRecord } from '../src/sender.ts';

const record = (bytes: number, topic = 't', partition?: number): WireRecord => ({
  topic,
  key: 'k',
  value: Buffer.alloc(bytes),
  headers: {},
  ...(partition === undefined ? {} : { partition }),
});

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    return isKafkaError(error) ? error.code : String(error);
  }
};

describe('requests', () => {
  it('stay below what a broker takes, and keep the order', () => {
    const records = Array.from({ length: 50 }, (_, index) => record(50_000 + index));
    const requests = inRequests(records);
    expect(requests.flat()).toEqual(records);
    for (const request of requests)
      expect(request.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)).toBeLessThan(900_000);
    expect(inRequests([])).toEqual([]);
  });

  it('count headers, also those given more than once', () => {
    const heavy = { ...record(0), headers: { a: ['x'.repeat(500_000), Buffer.alloc(500_000)] } };
    expect(codeOf(() => inRequests([heavy]))).toBe('too_large');
  });

  it('refuse a record that fits into none', () => {
    expect(codeOf(() => inRequests([record(10), record(1_000_000)]))).toBe('too_large');
  });

  it('are grouped by topic in order', () => {
    const [first, second] = byTopic([record(1, 'a'), record(2, 'b'), record(3, 'a', 7)]);
    expect(first?.messages.map(({ value, partition }) => [value?.length, partition])).toEqual([
      [1, undefined],
      [3, 7],
    ]);
    expect(second?.topic).toBe('b');
  });

  it('are not taken for sent when a partition did not answer', () => {
    const answer = { topicName: 't', partition: 0, errorCode: 0 };
    expect(codeOf(() => checkAnswered([record(1, 't', 0), record(1, 't')], [answer]))).toBe('none');
    expect(codeOf(() => checkAnswered([record(1, 't', 0), record(1, 't', 5)], [answer]))).toBe('unavailable');
  });
});
