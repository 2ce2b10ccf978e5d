import { randomUUID } from 'node:crypto';
import { isBeatKey, PARTITIONS, TOPICS } from '@ultracore/contracts';
import type { Stack } from '@ultracore/local';
import { Kafka, logLevel, type IHeaders } from 'kafkajs';
import { required } from '../frame/required.ts';

/** One record as it lies in the log. */
export interface LogRecord {
  topic: string;
  partition: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: IHeaders;
  /** When its producer made it, in milliseconds since 1970. */
  madeAt: number;
}

export function connectKafka(stack: Stack): Kafka {
  const { username, password } = required(stack.kafka_principals?.['admin'], 'kafka_principals.admin');
  return new Kafka({
    clientId: 'bench',
    brokers: required(stack.kafka_brokers, 'kafka_brokers'),
    sasl: { mechanism: 'scram-sha-256', username, password },
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 2, retries: 20 },
  });
}

const READ_DEADLINE_MS = 120_000;

/**
 * What was published between two moments, `events` lifecycle records and the directory's rows without the beats, in the order of their
 * making. It is complete when those records are there and every partition of the directory has shown a later beat.
 */
export async function readPublished(
  kafka: Kafka,
  { since, until, events }: { since: number; until: number; events: number },
): Promise<LogRecord[]> {
  const groupId = `bench-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, readUncommitted: false, maxWaitTimeInMs: 50 });
  const records: LogRecord[] = [];
  const complete = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => complete.reject(new Error(`The relay's ${events} records were not all in Kafka.`)),
    READ_DEADLINE_MS,
  );
  const beaten = new Set<number>();
  let seen = 0;
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [TOPICS.lifecycle, TOPICS.directory], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { key, value, headers, timestamp } of batch.messages) {
          const madeAt = Number(timestamp);
          if (isBeatKey(key?.toString() ?? '')) {
            if (madeAt > until) beaten.add(batch.partition);
            continue;
          }
          if (madeAt < since || madeAt > until) continue;
          records.push({ topic: batch.topic, partition: batch.partition, key, value, headers: headers ?? {}, madeAt });
          if (batch.topic === TOPICS.lifecycle) seen += 1;
        }
        if (seen >= events && beaten.size === PARTITIONS) complete.resolve();
      },
    });
    await complete.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
  return records.toSorted((a, b) => a.madeAt - b.madeAt);
}
