import type { IHeaders, Producer, RecordMetadata, TopicMessages } from 'kafkajs';
import type { KafkaClient } from './client.ts';
import { KafkaError, fromKafkaJs } from './errors.ts';
import { createPartitioner } from './partitioner.ts';

/** A record as it goes to Kafka. Without a partition it goes where its key belongs. */
export interface WireRecord {
  readonly topic: string;
  readonly partition?: number | undefined;
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

export interface Sender {
  /** Resolves when every record is acknowledged by all in-sync replicas. Calls are sent in the order in which they were made. */
  send(records: readonly WireRecord[]): Promise<void>;
  stop(): Promise<void>;
}

/** A broker takes 1 MiB a batch by default; what one request carries stays below it, wherever the records go. */
const MOST_BYTES = 900_000;
const MOST_RECORDS = 5000;

/** Doubling from 2 ms: a transaction that follows another at once is refused for a few milliseconds. About 12 s in all. */
const RETRY = { initialRetryTime: 2, maxRetryTime: 1000, retries: 20 };

const TRANSACTION_TIMEOUT_MS = 60_000;

const RECORD_OVERHEAD = 100;
const HEADER_OVERHEAD = 8;

/** Characters count as bytes: an estimate, which the room that is left below the broker's limit makes good. */
const sizeOf = ({ key, value, headers }: WireRecord): number => {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) {
    const header = headers[name] ?? '';
    size +=
      HEADER_OVERHEAD +
      name.length +
      (Array.isArray(header) ? header.reduce((sum, part) => sum + part.length, 0) : header.length);
  }
  return size;
};

/** Cut so that each part may go in one request. Throws `too_large` for a record that fits in none. */
export const inRequests = (records: readonly WireRecord[]): readonly (readonly WireRecord[])[] => {
  const requests: WireRecord[][] = [];
  let current: WireRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = sizeOf(record);
    if (size > MOST_BYTES)
      throw new KafkaError('too_large', `a record of ${size} bytes for ${record.topic} is more than a broker takes`);
    if (current.length > 0 && (bytes + size > MOST_BYTES || current.length >= MOST_RECORDS)) {
      requests.push(current);
      current = [];
      bytes = 0;
    }
    current.push(record);
    bytes += size;
  }
  return current.length === 0 ? requests : [...requests, current];
};

export const byTopic = (records: readonly WireRecord[]): TopicMessages[] => {
  const topics = new Map<string, TopicMessages>();
  for (const { topic, partition, key, value, headers } of records) {
    const entry = topics.get(topic) ?? { topic, messages: [] };
    entry.messages.push({ key, value, headers, ...(partition === undefined ? {} : { partition }) });
    topics.set(topic, entry);
  }
  return [...topics.values()];
};

/** Throws unless every partition that the records name has answered: kafkajs leaves out, without a word, one that does not exist. */
export const checkAnswered = (records: readonly WireRecord[], answers: readonly RecordMetadata[]): void => {
  const answered = new Set(answers.map(({ topicName, partition }) => `${topicName} ${partition}`));
  for (const { topic, partition } of records) {
    if (partition !== undefined && !answered.has(`${topic} ${partition}`)) {
      throw new KafkaError('unavailable', `the topic ${topic} has no partition ${partition}`);
    }
  }
};

export const makeProducer = (client: KafkaClient, transactionalId?: string): Producer =>
  client.kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner,
    retry: RETRY,
    ...(transactionalId === undefined ? { idempotent: true } : { transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS }),
  });

interface Call {
  readonly records: readonly WireRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An idempotent producer with one request in flight; calls made meanwhile go together in the next one. After a failure the producer
 * id is given up: a sequence number whose outcome is unknown must not be used for another record, or the broker would take that
 * record for a repetition and drop it.
 */
export const createSender = (client: KafkaClient): Sender & { connect(): Promise<void> } => {
  let producer: Promise<Producer> | undefined;
  let waiting: Call[] = [];
  let pump: Promise<void> | undefined;
  let isStopped = false;

  const connected = (): Promise<Producer> => {
    producer ??= (async () => {
      const fresh = makeProducer(client);
      try {
        await fresh.connect();
        return fresh;
      } catch (error) {
        await fresh.disconnect();
        throw error;
      }
    })();
    return producer;
  };

  const giveUp = async (): Promise<void> => {
    const old = producer;
    producer = undefined;
    try {
      await (await old)?.disconnect();
    } catch (error) {
      client.logger.debug({ err: error }, 'a failed producer could not be closed');
    }
  };

  const deliver = async (records: readonly WireRecord[]): Promise<void> => {
    try {
      for (const request of inRequests(records)) {
        checkAnswered(request, await (await connected()).sendBatch({ acks: -1, topicMessages: byTopic(request) }));
      }
    } catch (error) {
      if (!(error instanceof KafkaError)) await giveUp();
      throw fromKafkaJs('publishing failed', error);
    }
  };

  const deliverOne = async ({ records, resolve, reject }: Call): Promise<void> => {
    try {
      await deliver(records);
      resolve();
    } catch (error) {
      reject(error);
    }
  };

  const takeTogether = (): Call[] => {
    let records = 0;
    const end = waiting.findIndex((call, index) => (records += call.records.length) > MOST_RECORDS && index > 0);
    return waiting.splice(0, end === -1 ? waiting.length : end);
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const calls = takeTogether();
      if (calls.length === 1) {
        for (const call of calls) await deliverOne(call);
        continue;
      }
      try {
        await deliver(calls.flatMap(({ records }) => records));
        for (const { resolve } of calls) resolve();
      } catch {
        // One call's fault must not fail its neighbours: each goes again, alone. What did arrive arrives twice.
        for (const call of calls) await deliverOne(call);
      }
    }
    pump = undefined;
  };

  return {
    async connect() {
      try {
        await connected();
      } catch (error) {
        producer = undefined;
        throw fromKafkaJs('the producer cannot connect', error);
      }
    },
    send(records) {
      if (isStopped) return Promise.reject(new KafkaError('stopped', 'the publisher is stopped'));
      if (records.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        pump ??= run();
      });
    },
    async stop() {
      isStopped = true;
      await pump;
      waiting = [];
      if (producer !== undefined) await giveUp();
    },
  };
};
