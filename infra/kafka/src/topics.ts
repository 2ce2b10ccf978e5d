import { TOPIC_SPECS } from '@ultracore/contracts';
import type { TopicSpec } from '@ultracore/contracts';
import { KafkaError } from '@ultracore/kafka';
import kafkajs from 'kafkajs';
import type { Admin, IResourceConfigEntry } from 'kafkajs';

export interface TopicOptions {
  readonly replicationFactor: number;
}

const configOf = ({ retentionMs, cleanup, settings }: TopicSpec, { replicationFactor }: TopicOptions): IResourceConfigEntry[] => [
  { name: 'cleanup.policy', value: cleanup },
  { name: 'retention.ms', value: retentionMs === 'forever' ? '-1' : String(retentionMs) },
  { name: 'retention.bytes', value: '-1' },
  // A write is acknowledged by a majority: one broker may be lost without losing a record, or the ability to write.
  { name: 'min.insync.replicas', value: String(Math.max(1, replicationFactor - 1)) },
  ...Object.entries(settings).map(([name, value]) => ({ name, value })),
];

const READY_MS = 15_000;

/** A topic is announced before its partitions have leaders, and to this broker later than to that; writing to it before fails. */
const untilLed = async (admin: Admin, topics: readonly string[]): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  while (true) {
    let failure: unknown;
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
      if (found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new KafkaError('unavailable', 'the new topics have no leaders yet', { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const create = async (admin: Admin, specs: readonly TopicSpec[], options: TopicOptions): Promise<void> => {
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: specs.map((spec) => ({
        topic: spec.topic,
        numPartitions: spec.partitions,
        replicationFactor: options.replicationFactor,
        configEntries: configOf(spec, options).map(({ name, value }) => ({ name, value })),
      })),
    });
  } catch (error) {
    // Another set-up may have been quicker; what matters is that they are there.
    const existing = new Set(await admin.listTopics());
    if (!specs.every(({ topic }) => existing.has(topic))) throw error;
  }
};

/**
 * Creates the topics that are missing and sets the settings of the others. Throws `topic_differs` for one with another number of
 * partitions: changing it would move tenants between partitions and so break their order.
 */
export const ensureTopics = async (
  admin: Admin,
  options: TopicOptions,
  specs: readonly TopicSpec[] = TOPIC_SPECS,
): Promise<{ created: readonly string[] }> => {
  const existing = new Set(await admin.listTopics());
  const missing = specs.filter(({ topic }) => !existing.has(topic));
  const present = specs.filter(({ topic }) => existing.has(topic));
  await checkPartitions(admin, present);
  if (missing.length > 0) {
    await create(admin, missing, options);
    await untilLed(
      admin,
      missing.map(({ topic }) => topic),
    );
  }
  if (present.length > 0) {
    await admin.alterConfigs({
      validateOnly: false,
      resources: present.map((spec) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: spec.topic,
        configEntries: configOf(spec, options),
      })),
    });
  }
  return { created: missing.map(({ topic }) => topic) };
};

const checkPartitions = async (admin: Admin, specs: readonly TopicSpec[]): Promise<void> => {
  if (specs.length === 0) return;
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ topic }) => topic) });
  for (const { topic, partitions } of specs) {
    const found = topics.find(({ name }) => name === topic)?.partitions.length;
    if (found !== partitions) {
      throw new KafkaError(
        'topic_differs',
        `the topic ${topic} has ${found ?? 0} partitions, not ${partitions}, and that cannot be mended in place`,
      );
    }
  }
};
