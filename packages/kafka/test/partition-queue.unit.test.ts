import type { KafkaMessage } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { PartitionQueue } from '../src/partition-queue.ts';

const message = (offset: number, size = 10): KafkaMessage => ({
  key: null,
  value: Buffer.alloc(size),
  timestamp: '0',
  attributes: 0,
  offset: String(offset),
  headers: {},
});

const range = (from: number, to: number): KafkaMessage[] =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

const drain = (queue: PartitionQueue, count = Infinity): number[] => {
  const offsets: number[] = [];
  for (let next = queue.peek(); next !== undefined && offsets.length < count; next = queue.peek()) {
    offsets.push(next.offset);
    queue.complete(next);
  }
  return offsets;
};

describe('a partition’s queue', () => {
  it('has nothing to commit before something is done, nor after that was committed', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(5, 7), 7);
    expect(queue.committable()).toBeUndefined();
    drain(queue, 2);
    expect(queue.committable()).toBe(7);
    queue.committed(7);
    expect(queue.committable()).toBeUndefined();
  });

  it('commits past control records, which are never delivered, once the last message before them is done', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(0, 2), 4);
    drain(queue, 2);
    expect(queue.committable()).toBe(2);
    drain(queue);
    expect(queue.committable()).toBe(5);
  });

  it('leaves out what it has already, as Kafka delivers again from the last commit after a rebalance', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(0, 5), 5);
    drain(queue, 3);
    queue.committed(2);
    queue.add(range(2, 8), 8);
    expect(drain(queue)).toEqual([3, 4, 5, 6, 7, 8]);
    queue.add(range(4, 8), 8);
    expect(queue.length).toBe(0);
    expect(queue.committable()).toBe(9);
  });

  it('does not count a record of a topic that was made anew as done because one of the old topic is', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(100, 110), 110);
    drain(queue, 5);
    queue.committed(105);
    const atWork = queue.peek();
    queue.add(range(0, 2), 2);
    if (atWork !== undefined) queue.complete(atWork);
    expect(queue.committable()).toBeUndefined();
    expect(drain(queue)).toEqual([0, 1, 2]);
  });

  it('starts over when the topic was made anew', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(100, 110), 110);
    drain(queue);
    queue.committed(111);
    queue.add(range(0, 2), 2);
    expect(drain(queue)).toEqual([0, 1, 2]);
    expect(queue.committable()).toBe(3);
  });

  it('is full by number or by size, and has room again at half', () => {
    const queue = new PartitionQueue('t', 0);
    queue.add(range(0, 999), 999);
    expect(queue.isFull()).toBe(true);
    drain(queue, 499);
    expect([queue.isFull(), queue.hasRoom()]).toEqual([false, false]);
    drain(queue, 1);
    expect(queue.hasRoom()).toBe(true);
    drain(queue);
    queue.add([message(1000, 5_000_000)], 1000);
    expect(queue.isFull()).toBe(true);
    drain(queue);
    expect([queue.isFull(), queue.hasRoom(), queue.length]).toEqual([false, true, 0]);
  });
});
