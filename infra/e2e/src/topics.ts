import type { Stack } from '@ultracore/local';
import { ConfigResourceTypes, Kafka, logLevel, type Admin, type IHeaders, type Producer } from 'kafkajs';
import { uniqueName, waitFor } from '@ultracore/testkit';

/** For how long, in ms, a consumer is waited for that a test has killed. */
export const SHORT_SESSION_MS = 2_000;

export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
  /** The JSON behind the five bytes of the wire format; undefined where it is none. */
  readonly body: Record<string, unknown> | undefined;
}

function kafkaAs(stack: Stack, principal: string): Kafka {
  const login = stack.kafka_principals?.[principal];
  if (login === undefined || stack.kafka_brokers === undefined) throw new Error(`The stack has no Kafka principal ${principal}.`);
  return new Kafka({
    clientId: 'e2e',
    brokers: stack.kafka_brokers,
    sasl: { mechanism: 'scram-sha-256', username: login.username, password: login.password },
    logLevel: logLevel.NOTHING,
    retry: { retries: 10 },
  });
}

/**
 * Everything committed in a topic up to now, in partition order. The end is where fetches bring nothing more: the high-water mark
 * will not do, because records of aborted transactions and control records before it are never delivered.
 */
export const readTopic = (stack: Stack, topic: string): Promise<TopicRecord[]> => readTopics(stack, [topic]);

/** As `readTopic`, of several topics, one after the other. */
export async function readTopics(stack: Stack, topics: readonly string[]): Promise<TopicRecord[]> {
  const kafka = kafkaAs(stack, 'admin');
  const groupId = uniqueName('e2e');
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  const records: TopicRecord[] = [];
  let quietFetches = 0;
  consumer.on(consumer.events.FETCH, () => {
    quietFetches += 1;
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        quietFetches = 0;
        for (const { offset, key, headers, value } of batch.messages) {
          records.push({
            topic: batch.topic,
            partition: batch.partition,
            offset: BigInt(offset),
            key: key?.toString('utf8') ?? '',
            headers: toText(headers),
            value,
            body: bodyOf(value),
          });
        }
        await Promise.resolve();
      },
    });
    await waitFor(() => quietFetches >= 4, { what: `${topics.join(', ')} to be read to the end`, deadlineMs: 180_000 });
  } finally {
    await consumer.disconnect();
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteGroups([groupId]).catch(() => {});
    await admin.disconnect();
  }
  return records.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition || Number(a.offset - b.offset));
}

/** Sends raw bytes as any principal, past our own publisher: what a foreign or faulty producer does. */
export async function withRawProducer<Result>(
  stack: Stack,
  principal: string,
  work: (producer: Producer) => Promise<Result>,
): Promise<Result> {
  const producer = kafkaAs(stack, principal).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    return await work(producer);
  } finally {
    await producer.disconnect();
  }
}

/** A body in Confluent's wire format under the schema that is registered for a message of a topic. */
export async function wireFormat(stack: Stack, topic: string, type: string, body: unknown): Promise<Buffer> {
  const answer = await fetch(`${stack.schema_registry_url}/subjects/${topic}-${type}/versions/latest`);
  const { id } = (await answer.json()) as { id?: number };
  if (id === undefined) throw new Error(`No schema is registered for ${type} on ${topic}.`);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, Buffer.from(JSON.stringify(body))]);
}

function toText(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

function bodyOf(value: Buffer | null): Record<string, unknown> | undefined {
  if (value === null || value.length < 6 || value[0] !== 0) return undefined;
  try {
    return JSON.parse(value.subarray(5).toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Partition → where its next record comes, as it is now. */
export async function endOf(stack: Stack, topic: string): Promise<ReadonlyMap<number, string>> {
  return withKafkaAdmin(stack, async (admin) => {
    const partitions = await admin.fetchTopicOffsets(topic);
    return new Map(partitions.map(({ partition, high }) => [partition, high]));
  });
}

/** Has a group that does not exist yet begin here: on a stack that keeps the tenants of every test, its beginning is far away. */
export async function beginAt(stack: Stack, groupId: string, topic: string, offsets: ReadonlyMap<number, string>): Promise<void> {
  const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset }));
  await withKafkaAdmin(stack, (admin) => admin.setOffsets({ groupId, topic, partitions }));
}

/** A group of a test, when nobody is in it any more. */
export async function forgetGroup(stack: Stack, groupId: string): Promise<void> {
  await withKafkaAdmin(stack, (admin) => admin.deleteGroups([groupId]));
}

/** `SHORT_SESSION_MS`, or the least that the brokers take. */
export async function shortSession(stack: Stack): Promise<number> {
  const name = 'group.min.session.timeout.ms';
  return withKafkaAdmin(stack, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: brokers.map(({ nodeId }) => ({
        type: ConfigResourceTypes.BROKER,
        name: String(nodeId),
        configNames: [name],
      })),
    });
    const least = resources.flatMap(({ configEntries }) => configEntries.map(({ configValue }) => Number(configValue)));
    return Math.max(SHORT_SESSION_MS, ...least);
  });
}

async function withKafkaAdmin<Result>(stack: Stack, work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = kafkaAs(stack, 'admin').admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
