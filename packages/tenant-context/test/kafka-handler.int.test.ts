import { randomUUID } from 'node:crypto';
import { jsonSchemaOf, messageByType, subjectOf, type Envelope } from '@ultracore/contracts';
import {
  ack,
  connectKafka,
  createConsumer,
  createMessageCodec,
  createPublisher,
  createSchemaRegistry,
  deadLetter,
  retryAfter,
  withAdmin,
  type Fate,
  type HandlerContext,
  type InMessage,
  type KafkaClient,
  type MessageCodec,
} from '@ultracore/kafka';
import { testStack, uniqueName, waitFor } from '@ultracore/testkit';
import { constantFrom, record, sample } from 'fast-check';
import type { EachMessagePayload } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTenantStorage, withTenantContext } from '../src/index.ts';
import { createShared, programs, runProgram, TENANTS, type Program } from './programs.ts';

const MESSAGES = 300;
const TYPE = 'TenantActivatedEvent';
let codec: MessageCodec;
const { kafka, schemaRegistryUrl } = testStack();
const silent = () => undefined;
const client: KafkaClient = connectKafka({
  brokers: kafka.brokers,
  clientId: 'tenant-context-test',
  ...kafka.principals['admin'],
  logger: { debug: silent, info: silent, warn: silent, error: silent },
});

interface Sent {
  readonly id: string;
  readonly tenantId: string;
  readonly program: Program;
}
const topic = uniqueName('tenant-context');
const sent: Sent[] = sample(record({ tenantId: constantFrom(...TENANTS), program: programs }), MESSAGES).map((message) => ({
  ...message,
  id: randomUUID(),
}));
const bodyOf = ({ id, tenantId }: Sent) => ({
  event_id: id,
  tenant_id: tenantId,
  activated_at: '2026-03-01T09:00:00.000Z',
});
const byId = new Map(sent.map((message) => [message.id, message]));
const envelopeOf = ({ id, tenantId }: Sent): Envelope => ({
  id,
  type: TYPE,
  source: '/ultracore/test',
  subject: `tenant-${tenantId}`,
  time: '2026-03-01T09:00:00Z',
  tenantId,
});

beforeAll(async () => {
  await withAdmin(client, 'topics', async (admin) => {
    const topics = [topic, `${topic}.dlq`].map((name) => ({ topic: name, numPartitions: 6, replicationFactor: 1 }));
    await admin.createTopics({ topics, waitForLeaders: false });
    const names = topics.map((each) => each.topic);
    await waitFor(
      async () =>
        (await admin.fetchTopicMetadata({ topics: names })).topics.every(({ partitions }) =>
          partitions.every(({ leader }) => leader >= 0),
        ),
      { what: 'the leaders of the new topics' },
    );
  });
  await createSchemaRegistry(schemaRegistryUrl).register(subjectOf(topic, TYPE), jsonSchemaOf(messageByType(TYPE)));
  codec = await createMessageCodec({ schemaRegistryUrl, messages: [{ topic, type: TYPE }] });
  const publisher = await createPublisher(client, codec);
  await publisher.send(
    sent.map((message) => ({ topic, key: message.tenantId, envelope: envelopeOf(message), body: bodyOf(message) })),
  );
  await publisher.stop();
  const producer = client.kafka.producer();
  await producer.connect();
  await producer.send({
    topic,
    messages: [
      { key: 'globex', value: '{}', headers: { ce_tenantid: 'acme' } },
      { key: 'globex', value: '{}', headers: {} },
    ],
  });
  await producer.disconnect();
});
afterAll(() => withAdmin(client, 'topics', (admin) => admin.deleteTopics({ topics: [topic, `${topic}.dlq`] })));

/** Runs the program that the message stands for, as a handler of that message. */
const createWork = () => {
  const storage = createTenantStorage();
  const shared = createShared();
  const handled: string[] = [];
  const wrong: unknown[] = [];
  const work = async (id: string): Promise<void> => {
    const { tenantId, program } = byId.get(id) ?? expect.fail(`${id} is not one of ours`);
    if (storage.findTenant() !== tenantId) wrong.push({ expected: tenantId, seen: storage.findTenant(), at: 'handler' });
    wrong.push(...(await runProgram(storage, shared, { ...program, tenantId })).wrong);
    handled.push(id);
  };
  return { storage, handled, wrong, work };
};

const ids = [...byId.keys()].sort();

describe('several partitions at a time, each message with work of many steps', () => {
  test('through eachMessage of kafkajs: every message has its own tenant at every step; one that names none or two never reaches the handler', async () => {
    const { storage, handled, wrong, work } = createWork();
    const groupId = uniqueName('tenant-context');
    const refused: string[] = [];
    const handle = withTenantContext(async ({ message }: EachMessagePayload) => work(String(message.headers?.['ce_id'])), {
      storage,
      onRefused: async ({ code }) => void refused.push(code),
    });
    const consumer = client.kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
    await consumer.connect();
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        partitionsConsumedConcurrently: 6,
        async eachMessage(payload) {
          await handle(payload);
          if (storage.findTenant() !== undefined) wrong.push({ seen: storage.findTenant(), at: 'consumer' });
        },
      });
      await waitFor(() => handled.length + refused.length >= MESSAGES + 2, { what: 'all messages', deadlineMs: 30_000 });
    } finally {
      await consumer.disconnect();
      await withAdmin(client, 'group', (admin) => admin.deleteGroups([groupId]));
    }
    expect(handled.sort()).toEqual(ids);
    expect(wrong).toEqual([]);
    expect(refused.sort()).toEqual(['event_tenant_mismatch', 'event_tenant_missing']);
  });

  test('through the consumer of @ultracore/kafka: the same, and a message that is tried again has its tenant again', async () => {
    const { storage, handled, wrong, work } = createWork();
    const groupId = uniqueName('tenant-context');
    const handle = withTenantContext(
      async (message: InMessage, { attempt }: HandlerContext): Promise<Fate> => {
        if (attempt === 1 && message.envelope.id < '2') return retryAfter(1, 'on purpose');
        await work(message.envelope.id);
        return ack();
      },
      { storage, onRefused: async ({ message }) => deadLetter(message) },
    );
    const consumer = createConsumer(client, codec, { groupId, topics: [topic], handle, onStopped: (error) => wrong.push(error) });
    await consumer.start();
    try {
      await waitFor(() => handled.length >= MESSAGES, { what: 'all messages', deadlineMs: 30_000 });
    } finally {
      await consumer.stop();
      await withAdmin(client, 'group', (admin) => admin.deleteGroups([groupId]));
    }
    expect(handled.sort()).toEqual(ids);
    expect(wrong).toEqual([]);
  });
});
