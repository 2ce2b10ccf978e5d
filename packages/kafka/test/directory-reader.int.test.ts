import type { DirectoryRow } from '@ultracore/contracts';
import { uniqueName, waitFor } from '@ultracore/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { createDirectoryReader, createPublisher, withAdmin } from '../src/index.ts';
import type { DirectoryReader, DirectoryReaderOptions, Publisher } from '../src/index.ts';
import { adminClient, beatTo, deleteTopic, freshTopic, rowTo } from './support.ts';
import type { TestTopic } from './support.ts';

const client = adminClient();
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const PARTITIONS = 3;

const newDirectory = async (transactional = true): Promise<TestTopic & { publisher: Publisher }> => {
  const made = await freshTopic(client, ['TenantDirectoryRecord', 'DirectoryBeat'], PARTITIONS);
  cleanUps.push(() => deleteTopic(client, made.topic));
  const publisher = await createPublisher(client, made.codec, transactional ? { transactionalId: uniqueName('tx') } : {});
  cleanUps.push(() => publisher.stop());
  return { ...made, publisher };
};

interface Copy {
  readonly reader: DirectoryReader;
  readonly rows: DirectoryRow[];
  readonly unreadable: string[];
}

const read = async ({ topic, codec }: TestTopic, options: Partial<DirectoryReaderOptions> = {}): Promise<Copy> => {
  const rows: DirectoryRow[] = [];
  const unreadable: string[] = [];
  const reader = createDirectoryReader(client, codec, {
    clientId: 'kafka-test',
    topic,
    onRow: (row) => void rows.push(row),
    onUnreadable: (tenantId) => void unreadable.push(tenantId),
    ...options,
  });
  await reader.start();
  cleanUps.push(() => reader.stop());
  return { reader, rows, unreadable };
};

const everywhere = Array.from({ length: PARTITIONS }, (_, partition) => partition);

const beat = ({ topic, publisher }: { topic: string; publisher: Publisher }): Promise<void> =>
  publisher.send(everywhere.map((partition) => beatTo(topic, partition)));

describe('a directory reader', () => {
  it('has caught up when it has read all that was there at start, transactions’ ends included, without a beat', async () => {
    const directory = await newDirectory();
    await directory.publisher.transaction([
      rowTo(directory.topic, 0, 'enterprise-001', 3),
      rowTo(directory.topic, 1, 'standard-002', 1),
    ]);
    await directory.publisher.transaction([rowTo(directory.topic, 0, 'enterprise-001', 5)]);
    const { reader, rows } = await read(directory);
    await waitFor(() => reader.caughtUp(), { what: 'it to catch up' });
    expect(rows.map(({ tenant_id: id, revision }) => `${id} ${revision}`).sort()).toEqual([
      'enterprise-001 3',
      'enterprise-001 5',
      'standard-002 1',
    ]);
  });

  it('has caught up on an empty topic, but is stale until every partition has a beat', async () => {
    const directory = await newDirectory();
    const { reader } = await read(directory);
    expect(reader.caughtUp()).toBe(true);
    expect(reader.stale()).toBe(true);
    await directory.publisher.send([beatTo(directory.topic, 0), beatTo(directory.topic, 1)]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(reader.stale()).toBe(true);
    await directory.publisher.send([beatTo(directory.topic, 2)]);
    await waitFor(() => !reader.stale(), { what: 'it to be fresh' });
  });

  it('does not take the beats of the past for a living relay', async () => {
    const directory = await newDirectory();
    await beat(directory);
    const { reader } = await read(directory);
    await waitFor(() => reader.caughtUp(), { what: 'it to catch up' });
    expect(reader.stale()).toBe(true);
    await beat(directory);
    await waitFor(() => !reader.stale(), { what: 'it to be fresh' });
  });

  it('grows stale when the beats end, and fresh again with the next', async () => {
    const directory = await newDirectory();
    const { reader } = await read(directory, { staleAfterMs: 600 });
    await beat(directory);
    await waitFor(() => !reader.stale(), { what: 'it to be fresh' });
    await waitFor(() => reader.stale(), { what: 'it to be stale' });
    await beat(directory);
    expect(await waitFor(() => !reader.stale(), { what: 'it to be fresh again' })).toBe(true);
  });

  it('keeps the highest revision: what comes late is left out', async () => {
    const directory = await newDirectory(false);
    const { rows } = await read(directory);
    for (const revision of [2, 7, 3, 7, 8])
      await directory.publisher.send([rowTo(directory.topic, 0, 'enterprise-001', revision)]);
    await waitFor(() => rows.at(-1)?.revision === 8, { what: 'the last row' });
    expect(rows.map(({ revision }) => revision)).toEqual([2, 7, 8]);
  });

  it('says which tenant’s row cannot be read, and takes the next good one, also of the same revision', async () => {
    const directory = await newDirectory(false);
    const { rows, unreadable } = await read(directory);
    await directory.publisher.send([rowTo(directory.topic, 0, 'enterprise-001', 4)]);
    const producer = client.kafka.producer();
    await producer.connect();
    await producer.send({ topic: directory.topic, messages: [{ partition: 0, key: 'enterprise-001', value: 'rubbish' }] });
    await producer.send({ topic: directory.topic, messages: [{ partition: 0, key: 'enterprise-001', value: null }] });
    await producer.send({ topic: directory.topic, messages: [{ partition: 0, key: '', value: 'rubbish' }] });
    await producer.disconnect();
    await directory.publisher.send([rowTo(directory.topic, 0, 'enterprise-001', 3)]);
    await directory.publisher.send([rowTo(directory.topic, 0, 'enterprise-001', 4)]);
    await waitFor(() => rows.length === 2, { what: 'the good row' });
    expect(rows.map(({ revision }) => revision)).toEqual([4, 4]);
    expect(unreadable).toEqual(['enterprise-001', 'enterprise-001']);
  });

  it('leaves no group behind', async () => {
    const directory = await newDirectory();
    const clientId = uniqueName('reader');
    const { reader } = await read(directory, { clientId });
    const groups = () =>
      withAdmin(client, 'groups', async (admin) =>
        (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith(clientId)),
      );
    expect(await groups()).toHaveLength(1);
    await reader.stop();
    expect(await groups()).toEqual([]);
  });
});
