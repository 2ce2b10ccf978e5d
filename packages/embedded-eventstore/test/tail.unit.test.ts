import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createTail } from '../src/log/tail.ts';
import type { EventRecord } from '../src/storage/record.ts';

const record = (position: number, size = 10): EventRecord => ({
  position,
  streamName: 's',
  revision: 0,
  id: randomUUID(),
  type: 'T',
  isJson: true,
  createdAt: 0,
  data: Buffer.alloc(size),
  metadata: Buffer.alloc(0),
});
const NO_LIMIT = { events: Infinity, bytes: Infinity };
const positions = (records: readonly EventRecord[] | undefined) => records?.map((one) => one.position);

describe('the tail of the log', () => {
  test('holds what came after its start, and says when it does not reach back far enough', () => {
    const tail = createTail(100);
    expect(tail.pageAfter(99, NO_LIMIT)).toBeUndefined();
    expect(tail.pageAfter(100, NO_LIMIT)).toEqual([]);
    tail.push([record(150), record(170), record(200)]);
    expect(positions(tail.pageAfter(100, NO_LIMIT))).toEqual([150, 170, 200]);
    expect(positions(tail.pageAfter(150, NO_LIMIT))).toEqual([170, 200]);
    expect(positions(tail.pageAfter(160, NO_LIMIT))).toEqual([170, 200]);
    expect(positions(tail.pageAfter(200, NO_LIMIT))).toEqual([]);
    expect(positions(tail.pageAfter(999, NO_LIMIT))).toEqual([]);
  });

  test('gives pages of limited size, never an empty one before its end', () => {
    const tail = createTail(0);
    tail.push([record(1), record(2, 1_000_000), record(3)]);
    expect(positions(tail.pageAfter(0, { events: 2, bytes: Infinity }))).toEqual([1, 2]);
    expect(positions(tail.pageAfter(1, { events: 10, bytes: 100 }))).toEqual([2]);
  });

  test.each([
    ['many', 10, 30_000],
    ['large', 100_000, 400],
  ])('is bounded when events are %s', (_, size, count) => {
    const tail = createTail(0);
    for (let position = 1; position <= count; position += 1) tail.push([record(position, size)]);
    expect(tail.pageAfter(0, NO_LIMIT)).toBeUndefined();
    const newest = tail.pageAfter(count - 50, NO_LIMIT);
    expect(positions(newest)).toEqual(Array.from({ length: 50 }, (__, n) => count - 49 + n));
    let oldest = count;
    while (tail.pageAfter(oldest - 1, { events: 1, bytes: 1 })) oldest -= 1;
    const held = tail.pageAfter(oldest, NO_LIMIT) ?? [];
    expect(held.length).toBeLessThanOrEqual(8_192);
    expect(held.reduce((sum, one) => sum + one.data.byteLength, 0)).toBeLessThanOrEqual(8 * 1024 * 1024);
  });
});
