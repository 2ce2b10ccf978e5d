import { PARTITIONS, TOPICS, type DirectoryRow } from '@ultracore/contracts';
import {
  ack,
  connectKafka,
  createConsumer,
  createMessageCodec,
  type InMessage,
  type KafkaClient,
  type MessageCodec,
} from '@ultracore/kafka';
import { testStack } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { messagesOfRegistry } from '../src/messages.ts';
import { logger } from './app.ts';

export interface KafkaUnderTest extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly codec: MessageCodec;
  /** What came about a tenant, in the order of its coming; topics each in their own order. */
  readonly events: (tenantId: string) => InMessage[];
  /** The tenant's directory rows in the order of the topic. */
  readonly rows: (tenantId: string) => DirectoryRow[];
  /** Beats seen, by partition. */
  readonly beats: () => number[];
}

const TOPICS_READ = [TOPICS.lifecycle, TOPICS.security, TOPICS.requests, TOPICS.directory];

/** Kafka as the registry sees it, with a reader that keeps all that it published. */
export async function openKafka(): Promise<KafkaUnderTest> {
  const { kafka, schemaRegistryUrl } = testStack();
  const login = kafka.principals['admin'];
  const client = connectKafka({ brokers: kafka.brokers, clientId: 'registry-test', ...login, logger });
  const codec = await createMessageCodec({ schemaRegistryUrl, messages: messagesOfRegistry() });
  const events = new Map<string, InMessage[]>();
  const rows = new Map<string, DirectoryRow[]>();
  const beats = Array.from({ length: PARTITIONS }, () => 0);
  const addTo = <Value>(map: Map<string, Value[]>, key: string, value: Value): void => {
    map.set(key, [...(map.get(key) ?? []), value]);
  };
  const consumer = createConsumer(client, codec, {
    groupId: `registry-test-${v4()}`,
    topics: TOPICS_READ,
    handle(message) {
      if (message.type === 'DirectoryBeat') beats[message.partition] = (beats[message.partition] ?? 0) + 1;
      else if (message.type === 'TenantDirectoryRecord') addTo(rows, message.key, message.body);
      else addTo(events, message.key, message);
      return ack();
    },
    onStopped: (error) => {
      throw error;
    },
  });
  await consumer.start();
  return {
    client,
    codec,
    events: (tenantId) => events.get(tenantId) ?? [],
    rows: (tenantId) => rows.get(tenantId) ?? [],
    beats: () => [...beats],
    [Symbol.asyncDispose]: () => consumer.stop(),
  };
}
