import { dlqOf } from '@ultracore/contracts';
import type { IHeaders } from 'kafkajs';
import type { RawRecord } from './codec.ts';
import type { Sender } from './sender.ts';

export const DLQ_HEADERS = {
  reason: 'dlq_reason',
  topic: 'dlq_topic',
  partition: 'dlq_partition',
  offset: 'dlq_offset',
} as const;

const LONGEST_REASON = 1000;

export interface DeadLetter extends RawRecord {
  readonly partition: number;
  readonly offset: string;
  readonly headers: IHeaders;
}

/** Puts a record aside: same partition, key, bytes and headers, and why. Resolves when it is acknowledged. */
export const putAside = (sender: Sender, record: DeadLetter, reason: string): Promise<void> =>
  sender.send([
    {
      topic: dlqOf(record.topic),
      partition: record.partition,
      key: record.key,
      value: record.value,
      headers: {
        ...record.headers,
        [DLQ_HEADERS.reason]: reason.slice(0, LONGEST_REASON).toWellFormed(),
        [DLQ_HEADERS.topic]: record.topic,
        [DLQ_HEADERS.partition]: String(record.partition),
        [DLQ_HEADERS.offset]: record.offset,
      },
    },
  ]);
