import { randomBytes } from 'node:crypto';
import { Partitioners, type PartitionerArgs } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { createPartitioner } from '../src/partitioner.ts';

const argsOf = (message: Partial<PartitionerArgs['message']>, partitions = 12): PartitionerArgs => ({
  topic: 'topic',
  partitionMetadata: Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [1],
    isr: [1],
  })),
  message: { value: null, ...message },
});

describe('the partitioner', () => {
  const place = createPartitioner();
  const byKafkaJs = Partitioners.DefaultPartitioner();

  test('puts every key where kafkajs and the Java client put it', () => {
    for (let length = 0; length < 64; length += 1) {
      for (const key of [randomBytes(length), randomBytes(length).toString('latin1'), 'ß'.repeat(length)]) {
        for (const partitions of [1, 12, 100]) {
          expect(place(argsOf({ key }, partitions)), JSON.stringify(key)).toBe(byKafkaJs(argsOf({ key }, partitions)));
        }
      }
    }
  });

  test('puts a record where it says', () => {
    expect(place(argsOf({ key: 'tenant', partition: 0 }))).toBe(0);
    expect(place(argsOf({ key: 'tenant', partition: 7 }))).toBe(7);
  });

  test('spreads records without a key', () => {
    const places = Array.from({ length: 24 }, () => place(argsOf({ key: null })));
    expect(new Set(places).size).toBe(12);
  });
});
