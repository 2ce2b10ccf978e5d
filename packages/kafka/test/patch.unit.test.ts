import { randomBytes, randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

interface Record_ {
  offsetDelta: number;
  timestampDelta: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

interface Decoded {
  records: { key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer>; offset: string; timestamp: string }[];
}

const load = createRequire(import.meta.url);
const toRecord: (record: Record_) => unknown = load('kafkajs/src/protocol/recordBatch/record/v0/index.js');
const { RecordBatch }: { RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> } = load(
  'kafkajs/src/protocol/recordBatch/v0/index.js',
);
const Decoder: new (buffer: Buffer) => unknown = load('kafkajs/src/protocol/decoder.js');
const decode: (decoder: unknown) => Promise<Decoded> = load('kafkajs/src/protocol/recordBatch/v0/decoder.js');
const group: (work: object) => Record<string, { n: number }[]> = load('kafkajs/src/producer/groupMessagesPerPartition.js');

const randomRecord = (offsetDelta: number): Record_ => ({
  offsetDelta,
  timestampDelta: [0, 1, 300, 70_000, 5_000_000_000][randomInt(5)] ?? 0,
  key: randomInt(4) === 0 ? null : Buffer.from(`tenant-${offsetDelta}`),
  value: randomInt(4) === 0 ? null : randomBytes(randomInt(9000)),
  headers: Object.fromEntries(Array.from({ length: randomInt(14) }, (_, n) => [`ce_${n}${'é'.repeat(randomInt(100))}`, `ü${n}`])),
});

describe('the patched encoder of kafkajs', () => {
  it('writes batches that the decoder reads back, whatever is in them', async () => {
    for (let round = 0; round < 200; round += 1) {
      const records = Array.from({ length: 1 + randomInt(30) }, (_, n) => randomRecord(n));
      const batch = {
        firstTimestamp: 1000,
        maxTimestamp: 2000,
        lastOffsetDelta: records.length - 1,
        records: records.map(toRecord),
      };
      const { buffer } = await RecordBatch(batch);
      const decoded = await decode(new Decoder(buffer));
      expect(decoded.records.map(({ key, value, headers, offset }) => ({ key, value, headers, offset }))).toEqual(
        records.map(({ key, value, headers, offsetDelta }) => ({
          key,
          value,
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
          offset: String(offsetDelta),
        })),
      );
      expect(decoded.records.map(({ timestamp }) => Number(timestamp) - 1000)).toEqual(
        records.map(({ timestampDelta }) => timestampDelta),
      );
    }
  });

  it('keeps the order of the messages of a partition', () => {
    const messages = Array.from({ length: 5000 }, (_, n) => ({ n }));
    const partitioner = ({ message }: { message: { n: number } }): number => message.n % 3;
    const groups = group({ topic: 't', partitionMetadata: [{}], messages, partitioner });
    expect(Object.keys(groups)).toEqual(['0', '1', '2']);
    expect(groups['1']?.slice(0, 3)).toEqual([{ n: 1 }, { n: 4 }, { n: 7 }]);
    expect(Object.values(groups).flat()).toHaveLength(5000);
  });
});
