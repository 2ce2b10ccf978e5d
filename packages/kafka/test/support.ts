import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { beatKey, dlqOf, jsonSchemaOf, messageByType, subjectOf } from '@ultracore/contracts';
import type { Envelope, MessageType } from '@ultracore/contracts';
import { testStack, uniqueName, waitFor } from '@ultracore/testkit';
import type { ISocketFactory, KafkaMessage } from 'kafkajs';
import { connectKafka, createMessageCodec, createSchemaRegistry, withAdmin } from '../src/index.ts';
import type { KafkaClient, Logger, MessageCodec, OutRecord } from '../src/index.ts';

export const stack = testStack();

export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly details: object;
}

export const recordingLogger = (): Logger & { lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const at = (level: keyof Logger) => (details: object, message: string) => void lines.push({ level, message, details });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};

const silentLogger = (): Logger => recordingLogger();

export const adminClient = (options: { logger?: Logger; socketFactory?: ISocketFactory } = {}): KafkaClient =>
  connectKafka({
    brokers: stack.kafka.brokers,
    clientId: 'kafka-test',
    ...stack.kafka.principals['admin'],
    logger: options.logger ?? silentLogger(),
    ...(options.socketFactory === undefined ? {} : { socketFactory: options.socketFactory }),
  });

const registry = createSchemaRegistry(stack.schemaRegistryUrl);

export const registerFor = async (topic: string, types: readonly MessageType[]): Promise<void> => {
  for (const type of types) await registry.register(subjectOf(topic, type), jsonSchemaOf(messageByType(type)));
};

export interface TestTopic {
  readonly topic: string;
  readonly codec: MessageCodec;
}

/** A topic of its own with its `.dlq`, on which the given messages are registered. It is left behind, as is its log. */
export const freshTopic = async (client: KafkaClient, types: readonly MessageType[], partitions = 3): Promise<TestTopic> => {
  const topic = uniqueName('test');
  await withAdmin(client, 'topics', async (admin) => {
    const names = [topic, dlqOf(topic)];
    const topics = names.map((name) => ({ topic: name, numPartitions: partitions, replicationFactor: 1 }));
    // kafkajs's own waiting takes a topic that the broker has not heard of yet for an error.
    await admin.createTopics({ topics, waitForLeaders: false });
    const areLed = async () =>
      (await admin.fetchTopicMetadata({ topics: names })).topics.every(({ partitions: found }) =>
        found.every(({ leader }) => leader >= 0),
      );
    await waitFor(areLed, { what: 'the leaders of the new topics' });
  });
  await registerFor(topic, types);
  const codec = await createMessageCodec({
    schemaRegistryUrl: stack.schemaRegistryUrl,
    messages: types.map((type) => ({ topic, type })),
  });
  return { topic, codec };
};

export const deleteTopic = (client: KafkaClient, topic: string): Promise<void> =>
  withAdmin(client, 'topics', (admin) => admin.deleteTopics({ topics: [topic, dlqOf(topic)] }));

const fixturePath = createRequire(import.meta.url);

export const fixtureOf = (type: MessageType): Record<string, unknown> =>
  JSON.parse(readFileSync(fixturePath.resolve(`@ultracore/contracts/fixtures/${type}.json`), 'utf8'));

const envelope = (type: MessageType, tenantId: string, id: string): Envelope => ({
  id,
  type,
  source: '/ultracore/test',
  subject: `tenant-${tenantId}`,
  time: new Date().toISOString(),
  tenantId,
});

/** A valid message of a tenant; a later argument replaces fields of its body. */
export const messageTo = (
  topic: string,
  partition: number,
  tenantId: string,
  fields: Record<string, unknown> = {},
): OutRecord => {
  const id = randomUUID();
  const body = { ...fixtureOf('TenantSuspendedEvent'), event_id: id, tenant_id: tenantId, ...fields };
  return { topic, partition, key: tenantId, envelope: envelope('TenantSuspendedEvent', tenantId, id), body };
};

export const rowTo = (topic: string, partition: number, tenantId: string, revision: number): OutRecord => ({
  topic,
  partition,
  key: tenantId,
  envelope: envelope('TenantDirectoryRecord', tenantId, randomUUID()),
  body: { ...fixtureOf('TenantDirectoryRecord'), tenant_id: tenantId, revision },
});

export const beatTo = (topic: string, partition: number): OutRecord => ({
  topic,
  partition,
  key: beatKey(partition),
  envelope: envelope('DirectoryBeat', beatKey(partition), randomUUID()),
  body: { partition, beat_at: new Date().toISOString() },
});

export interface RawMessage {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** Everything that a topic holds, as bytes, once it holds `count` records. */
export const readRaw = async (client: KafkaClient, topic: string, count: number): Promise<readonly RawMessage[]> => {
  const consumer = client.kafka.consumer({ groupId: uniqueName('raw'), maxWaitTimeInMs: 100 });
  const found: RawMessage[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${topic} has ${found.length} of ${count} records`)), 20_000);
      const take = (message: RawMessage): void => {
        found.push(message);
        if (found.length < count) return;
        clearTimeout(timer);
        resolve();
      };
      consumer
        .run({ autoCommit: false, eachMessage: async ({ partition, message }) => take({ partition, message }) })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return found;
};

/** The committed offset of each partition; undefined where there is none. */
export const committedOffsets = (client: KafkaClient, groupId: string, topic: string): Promise<ReadonlyMap<number, number>> =>
  withAdmin(client, 'offsets', async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return new Map(
      found?.partitions.filter(({ offset }) => offset !== '-1').map(({ partition, offset }) => [partition, Number(offset)]),
    );
  });
