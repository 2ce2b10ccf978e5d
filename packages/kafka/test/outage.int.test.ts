import { uniqueName, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ack, createConsumer, createDirectoryReader, createPublisher, isKafkaError } from '../src/index.ts';
import type { KafkaClient, MessageCodec } from '../src/index.ts';
import { breakableNetwork } from './broken-network.ts';
import { adminClient, beatTo, deleteTopic, freshTopic, messageTo, recordingLogger, rowTo } from './support.ts';

const well = adminClient();

const collector = (client: KafkaClient, codec: MessageCodec, topic: string) => {
  const seen: string[] = [];
  const consumer = createConsumer(client, codec, {
    groupId: uniqueName('group'),
    topics: [topic],
    silenceMs: 4000,
    onStopped: () => undefined,
    handle(message) {
      seen.push(message.key);
      return ack();
    },
  });
  return { consumer, seen };
};

describe('a consumer that stops silently', () => {
  it('fails its health, and comes back by itself when it can', async () => {
    const network = breakableNetwork();
    const logger = recordingLogger();
    const { topic, codec } = await freshTopic(well, ['TenantSuspendedEvent'], 1);
    const publisher = await createPublisher(well, codec);
    const { consumer, seen } = collector(adminClient({ socketFactory: network.socketFactory, logger }), codec, topic);
    await consumer.start();
    await publisher.send([messageTo(topic, 0, 'enterprise-001')]);
    await waitFor(() => seen.length === 1, { what: 'the first message' });
    expect(consumer.health()).toBeUndefined();

    network.freeze();
    await waitFor(() => consumer.health(), { what: 'the failing health' });
    await publisher.send([messageTo(topic, 0, 'standard-002')]);
    network.mend();
    await waitFor(() => seen.includes('standard-002'), { what: 'the message sent meanwhile', deadlineMs: 40_000 });
    expect(consumer.health()).toBeUndefined();
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);

    await consumer.stop();
    network.closeAll();
    await publisher.stop();
    await deleteTopic(well, topic);
  });
});

describe('when the brokers are gone for longer than kafkajs tries', () => {
  it('consumer, directory reader and publisher work again afterwards, without a new start', async () => {
    const network = breakableNetwork();
    const logger = recordingLogger();
    const client = adminClient({ socketFactory: network.socketFactory, logger });
    const events = await freshTopic(well, ['TenantSuspendedEvent'], 1);
    const directory = await freshTopic(well, ['TenantDirectoryRecord', 'DirectoryBeat'], 1);
    const remote = await createPublisher(well, directory.codec);
    const publisher = await createPublisher(client, events.codec);
    const { consumer, seen } = collector(client, events.codec, events.topic);
    const revisions: number[] = [];
    const reader = createDirectoryReader(client, directory.codec, {
      clientId: 'kafka-test',
      topic: directory.topic,
      silenceMs: 4000,
      staleAfterMs: 2000,
      onRow: (row) => void revisions.push(row.revision),
      onUnreadable: () => undefined,
    });
    await consumer.start();
    await reader.start();
    await publisher.send([messageTo(events.topic, 0, 'enterprise-001')]);
    await remote.send([rowTo(directory.topic, 0, 'enterprise-001', 1), beatTo(directory.topic, 0)]);
    await waitFor(() => seen.length === 1 && revisions.length === 1 && !reader.stale(), { what: 'the first messages' });

    network.cut();
    await waitFor(() => consumer.health() !== undefined && reader.health() !== undefined && reader.stale(), {
      what: 'the failing health of both',
      deadlineMs: 30_000,
    });
    const failure = await publisher.send([messageTo(events.topic, 0, 'standard-002')]).catch((error: unknown) => error);
    expect(isKafkaError(failure, 'unavailable')).toBe(true);
    await remote.send([rowTo(directory.topic, 0, 'enterprise-001', 2)]);

    network.mend();
    await publisher.send([messageTo(events.topic, 0, 'small-003')]);
    await waitFor(() => seen.includes('small-003') && revisions.includes(2), { what: 'what came after', deadlineMs: 30_000 });
    // The beat from before the outage is read again, and is still of the past.
    expect(reader.stale()).toBe(true);
    await remote.send([beatTo(directory.topic, 0)]);
    await waitFor(() => !reader.stale(), { what: 'the reader to be fresh' });
    expect([consumer.health(), reader.health()]).toEqual([undefined, undefined]);
    expect(revisions).toEqual([1, 2]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);

    await Promise.all([consumer.stop(), reader.stop(), publisher.stop(), remote.stop()]);
    await deleteTopic(well, events.topic);
    await deleteTopic(well, directory.topic);
  });
});
