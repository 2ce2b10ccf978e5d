import { dlqOf, toHeaders } from '@ultracore/contracts';
import { spawnProcess, uniqueName, waitFor } from '@ultracore/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { ack, createConsumer, createPublisher, deadLetter, retryAfter, stopConsumer } from '../src/index.ts';
import type { ConsumerOptions, Fate, InMessage, MessageConsumer, OutRecord } from '../src/index.ts';
import { adminClient, committedOffsets, deleteTopic, freshTopic, messageTo, readRaw, recordingLogger, stack } from './support.ts';
import type { TestTopic } from './support.ts';

const client = adminClient();
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const newTopic = async (partitions = 3): Promise<TestTopic> => {
  const made = await freshTopic(client, ['TenantSuspendedEvent'], partitions);
  cleanUps.push(() => deleteTopic(client, made.topic));
  return made;
};

const publish = async ({ codec }: TestTopic, records: readonly OutRecord[]): Promise<void> => {
  const publisher = await createPublisher(client, codec);
  await publisher.send(records);
  await publisher.stop();
};

type Handler = ConsumerOptions['handle'];

const consume = async (
  { topic, codec }: TestTopic,
  handle: Handler,
  options: Partial<ConsumerOptions> & { logger?: ReturnType<typeof recordingLogger> } = {},
): Promise<MessageConsumer & { groupId: string }> => {
  const { logger, ...rest } = options;
  const groupId = rest.groupId ?? uniqueName('group');
  const consumer = createConsumer(logger === undefined ? client : { ...client, logger }, codec, {
    topics: [topic],
    handle,
    onStopped: () => undefined,
    ...rest,
    groupId,
  });
  await consumer.start();
  cleanUps.push(() => consumer.stop());
  return { ...consumer, groupId };
};

const collecting = (fate: (message: InMessage, attempt: number) => Fate | Promise<Fate> = ack) => {
  const seen: InMessage[] = [];
  const handle: Handler = (message, { attempt }) => {
    seen.push(message);
    return fate(message, attempt);
  };
  return { seen, handle };
};

const offsetsOn = (seen: readonly InMessage[], partition: number): readonly number[] =>
  seen.filter((message) => message.partition === partition).map(({ offset }) => Number(offset));

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe('a consumer', () => {
  it('hands over every message, in order within its partition, with envelope, body and bytes', async () => {
    const test = await newTopic();
    const sent = upTo(600).map((index) => messageTo(test.topic, index % 3, `tenant-${index}x`));
    await publish(test, sent);
    const { seen, handle } = collecting();
    await consume(test, handle);
    await waitFor(() => seen.length === sent.length, { what: 'all messages' });
    for (const partition of [0, 1, 2]) expect(offsetsOn(seen, partition)).toEqual(upTo(200));
    const first = sent.find(({ partition }) => partition === 0);
    const got = seen.find(({ partition }) => partition === 0);
    expect(got).toMatchObject({ type: 'TenantSuspendedEvent', key: first?.key, envelope: first?.envelope, body: first?.body });
    expect(got?.raw.value).toBeInstanceOf(Buffer);
  });

  it('gets each message after a time of silence', async () => {
    const test = await newTopic();
    let arrived = 0;
    await consume(test, () => {
      arrived += 1;
      return ack();
    });
    const publisher = await createPublisher(client, test.codec);
    await publisher.send([messageTo(test.topic, 0, 'enterprise-001')]);
    await waitFor(() => arrived === 1, { what: 'the first message' });
    for (let turn = 1; turn <= 15; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await publisher.send([messageTo(test.topic, turn % 3, 'enterprise-001')]);
      await waitFor(() => arrived === turn + 1, { what: 'the message', everyMs: 1 });
    }
    await publisher.stop();
    expect(arrived).toBe(16);
  });

  it('commits an offset only when its message and all before it are done', async () => {
    const test = await newTopic(1);
    await publish(
      test,
      upTo(10).map(() => messageTo(test.topic, 0, 'enterprise-001')),
    );
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { handle } = collecting(async (message) => {
      if (message.offset === '4') await gate;
      return ack();
    });
    const { groupId } = await consume(test, handle);
    const committed = async () => (await committedOffsets(client, groupId, test.topic)).get(0);
    await waitFor(async () => (await committed()) === 4, { what: 'the commit of the four that are done' });
    release();
    await waitFor(async () => (await committed()) !== 4, { what: 'the next commit' });
    expect(await waitFor(async () => (await committed()) === 10, { what: 'the commit of all' })).toBe(true);
  });

  it('counts the end of a transaction, which is never delivered, as done', async () => {
    const test = await newTopic(1);
    const publisher = await createPublisher(client, test.codec, { transactionalId: uniqueName('tx') });
    await publisher.transaction([messageTo(test.topic, 0, 'enterprise-001')]);
    await publisher.stop();
    const { seen, handle } = collecting();
    const { groupId } = await consume(test, handle);
    await waitFor(async () => (await committedOffsets(client, groupId, test.topic)).get(0) === 2, { what: 'no lag' });
    expect(seen).toHaveLength(1);
  });

  it('loses nothing when it is killed in the middle of a batch: what was not done comes again, and nothing that was committed', async () => {
    const test = await newTopic(2);
    await publish(
      test,
      upTo(40).map((index) => messageTo(test.topic, index % 2, 'enterprise-001')),
    );
    const groupId = uniqueName('group');
    const { username = '', password = '' } = stack.kafka.principals['admin'] ?? {};
    const program = new URL('slow-consumer.ts', import.meta.url).pathname;
    const victim = await spawnProcess([
      'node',
      program,
      `--brokers=${stack.kafka.brokers.join(',')}`,
      `--username=${username}`,
      `--password=${password}`,
      `--registry=${stack.schemaRegistryUrl}`,
      `--topic=${test.topic}`,
      `--group=${groupId}`,
      '--handle=13',
    ]);
    await waitFor(() => victim.output().includes('hangs'), { what: 'the first consumer to hang', deadlineMs: 30_000 });
    victim.kill('SIGKILL');
    await victim.exited;
    const done = new Map([0, 1].map((partition) => [partition, victim.output().split(`done ${partition} `).length - 1]));
    const committed = await committedOffsets(client, groupId, test.topic);
    for (const [partition, count] of done) expect(committed.get(partition) ?? 0).toBeLessThanOrEqual(count);

    const { seen, handle } = collecting();
    await consume(test, handle, { groupId });
    const all = (partition: number): readonly number[] => upTo(20).slice(committed.get(partition) ?? 0);
    await waitFor(() => seen.length === all(0).length + all(1).length, { what: 'the rest', deadlineMs: 30_000 });
    for (const partition of [0, 1]) expect(offsetsOn(seen, partition)).toEqual(all(partition));
  });

  it('loses nothing when members come and go: every message is handled, and no commit goes back', async () => {
    const test = await newTopic(6);
    const publisher = await createPublisher(client, test.codec);
    const groupId = uniqueName('group');
    const { seen, handle } = collecting();
    const first = await consume(test, handle, { groupId });
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      await publisher.send(upTo(count).map((index) => messageTo(test.topic, index % 6, 'enterprise-001')));
      sent += count;
    };
    const commits: ReadonlyMap<number, number>[] = [];
    const note = async (): Promise<void> => void commits.push(await committedOffsets(client, groupId, test.topic));
    for (let turn = 0; turn < 3; turn += 1) {
      await send(300);
      const second = await consume(test, handle, { groupId });
      await send(300);
      await note();
      await second.stop();
      await send(300);
      await note();
    }
    const distinct = () => new Set(seen.map(({ partition, offset }) => `${partition} ${offset}`)).size;
    await waitFor(() => distinct() === sent, { what: 'every message', deadlineMs: 40_000 });
    await waitFor(
      async () => [...(await committedOffsets(client, groupId, test.topic)).values()].reduce((a, b) => a + b, 0) === sent,
      { what: 'every commit' },
    );
    await note();
    for (const partition of upTo(6)) {
      const history = commits.map((offsets) => offsets.get(partition) ?? 0);
      expect(history).toEqual([...history].sort((a, b) => a - b));
    }
    await publisher.stop();
    expect(first.health()).toBeUndefined();
  });

  it('does not commit for a partition that was taken away while its handler was at work', async () => {
    const test = await newTopic(2);
    await publish(
      test,
      upTo(20).map((index) => messageTo(test.topic, index % 2, 'enterprise-001')),
    );
    const groupId = uniqueName('group');
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = collecting(async () => {
      await gate;
      return ack();
    });
    await consume(test, slow.handle, { groupId });
    await waitFor(() => slow.seen.length === 2, { what: 'both partitions to be at work' });
    const quick = collecting();
    await consume(test, quick.handle, { groupId });
    await waitFor(() => quick.seen.length === 10, { what: 'the partition that moved' });
    const moved = quick.seen[0]?.partition ?? -1;
    const kept = 1 - moved;
    const committed = () => committedOffsets(client, groupId, test.topic);
    await waitFor(async () => (await committed()).get(moved) === 10, { what: 'its commit' });
    release();
    await waitFor(async () => (await committed()).get(kept) === 10, { what: 'the partition that stayed' });
    expect((await committed()).get(moved)).toBe(10);
    expect(offsetsOn(slow.seen, moved)).toEqual([0]);
    expect(offsetsOn(slow.seen, kept)).toEqual(upTo(10));
  });

  it('puts poison aside with its bytes, its headers and the reason, and goes on', async () => {
    const test = await newTopic(1);
    const good = [messageTo(test.topic, 0, 'enterprise-001'), messageTo(test.topic, 0, 'standard-002')];
    const [first, last] = good;
    const poison = Buffer.from([0x7b, 0x00, 0xff, 0x13]);
    const producer = client.kafka.producer();
    await producer.connect();
    await publish(test, first === undefined ? [] : [first]);
    await producer.send({
      topic: test.topic,
      messages: [
        { partition: 0, key: 'k', value: poison, headers: { trace: 'abc' } },
        { partition: 0, key: null, value: null, headers: toHeaders(messageTo(test.topic, 0, 'small-003').envelope) },
      ],
    });
    await publish(test, last === undefined ? [] : [last]);
    await producer.disconnect();
    const { seen, handle } = collecting();
    const { groupId } = await consume(test, handle);
    const found = await readRaw(client, dlqOf(test.topic), 2);
    await waitFor(async () => (await committedOffsets(client, groupId, test.topic)).get(0) === 4, {
      what: 'the partition to go on',
    });
    expect(seen.map(({ key }) => key)).toEqual(['enterprise-001', 'standard-002']);
    const [bytes, tombstone] = found.map(({ message }) => message);
    expect(bytes?.value?.equals(poison)).toBe(true);
    expect(bytes?.key?.toString()).toBe('k');
    const headers = Object.fromEntries(Object.entries(bytes?.headers ?? {}).map(([name, value]) => [name, String(value)]));
    expect(headers).toMatchObject({ trace: 'abc', dlq_topic: test.topic, dlq_partition: '0', dlq_offset: '1' });
    expect(headers['dlq_reason']).toMatch(/^bad_envelope: /);
    expect(tombstone?.value).toBeNull();
    expect(String(tombstone?.headers?.['dlq_reason'])).toMatch(/^not_wire_format: /);
  });

  it('puts aside what its handler gives up', async () => {
    const test = await newTopic(1);
    await publish(test, [messageTo(test.topic, 0, 'enterprise-001'), messageTo(test.topic, 0, 'standard-002')]);
    const { seen, handle } = collecting((message) => (message.offset === '0' ? deadLetter('not for us') : ack()));
    await consume(test, handle);
    const [found] = await readRaw(client, dlqOf(test.topic), 1);
    expect(String(found?.message.headers?.['dlq_reason'])).toBe('not for us');
    await waitFor(() => seen.length === 2, { what: 'the next message' });
  });

  it('hands a message over again when it is told to wait, and only its partition waits', async () => {
    const test = await newTopic(2);
    await publish(
      test,
      upTo(20).map((index) => messageTo(test.topic, index % 2, 'enterprise-001')),
    );
    const { seen, handle } = collecting((message, attempt) =>
      message.partition === 0 && message.offset === '3' && attempt < 3 ? retryAfter(400, 'not yet') : ack(),
    );
    await consume(test, handle);
    await waitFor(() => offsetsOn(seen, 1).length === 10, { what: 'the other partition' });
    expect(offsetsOn(seen, 0)).toEqual([0, 1, 2, 3]);
    await waitFor(() => offsetsOn(seen, 0).length === 12, { what: 'the partition that waited' });
    expect(offsetsOn(seen, 0)).toEqual([0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('takes a throw for a bug: says so, tries again, and loses nothing', async () => {
    const test = await newTopic(1);
    await publish(test, [messageTo(test.topic, 0, 'enterprise-001'), messageTo(test.topic, 0, 'standard-002')]);
    const logger = recordingLogger();
    const { seen, handle } = collecting((message, attempt) => {
      if (message.offset === '0' && attempt < 3) throw new Error('a bug');
      return ack();
    });
    await consume(test, handle, { logger });
    await waitFor(() => seen.length === 4, { what: 'both messages' });
    expect(offsetsOn(seen, 0)).toEqual([0, 0, 0, 1]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('stops before a message when its handler says so, says it, and reports itself unhealthy', async () => {
    const test = await newTopic(1);
    await publish(
      test,
      upTo(3).map(() => messageTo(test.topic, 0, 'enterprise-001')),
    );
    const stops: string[] = [];
    const { seen, handle } = collecting((message) => (message.offset === '1' ? stopConsumer('enough') : ack()));
    const consumer = await consume(test, handle, { onStopped: (error) => stops.push(error.message) });
    await waitFor(() => stops.length === 1, { what: 'the stop' });
    expect(stops[0]).toMatch(/offset 1: enough/);
    expect(consumer.health()).toMatch(/enough/);
    expect(offsetsOn(seen, 0)).toEqual([0, 1]);
    expect((await committedOffsets(client, consumer.groupId, test.topic)).get(0)).toBe(1);
  });

  it('lets the handler at work finish when it is stopped, and commits that', async () => {
    const test = await newTopic(1);
    await publish(
      test,
      upTo(3).map(() => messageTo(test.topic, 0, 'enterprise-001')),
    );
    const { seen, handle } = collecting(async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return ack();
    });
    const consumer = await consume(test, handle);
    await waitFor(() => seen.length === 1, { what: 'the first message' });
    await consumer.stop();
    expect(seen).toHaveLength(1);
    expect((await committedOffsets(client, consumer.groupId, test.topic)).get(0)).toBe(1);
    expect(consumer.health()).toBe('it is stopped');
  });

  it('keeps a backlog out of memory: fetches no further than it has room, and goes on', async () => {
    const test = await newTopic(1);
    const count = 4000;
    await publish(
      test,
      upTo(count).map(() => messageTo(test.topic, 0, 'enterprise-001')),
    );
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { seen, handle } = collecting(async (message) => {
      if (message.offset === '0') await gate;
      return ack();
    });
    await consume(test, handle);
    await waitFor(() => seen.length === 1, { what: 'the first message' });
    release();
    await waitFor(() => seen.length === count, { what: 'the whole backlog' });
    expect(offsetsOn(seen, 0)).toEqual(upTo(count));
  });
});
