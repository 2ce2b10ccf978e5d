import { fromHeaders } from '@ultracore/contracts';
import { uniqueName } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublisher, isKafkaError } from '../src/index.ts';
import type { OutRecord } from '../src/index.ts';
import { adminClient, deleteTopic, freshTopic, messageTo, readRaw } from './support.ts';
import type { TestTopic } from './support.ts';

const client = adminClient();
let subject: TestTopic;

beforeAll(async () => {
  subject = await freshTopic(client, ['TenantSuspendedEvent']);
});
afterAll(() => deleteTopic(client, subject.topic));

const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
    return 'none';
  } catch (error) {
    return isKafkaError(error) ? error.code : String(error);
  }
};

const idsOf = (records: readonly OutRecord[]): readonly string[] => records.map(({ envelope }) => envelope.id);

describe('a publisher', () => {
  it('publishes in the order of the calls, also when many are made at once, with envelope, key and partition', async () => {
    const { topic, codec } = await freshTopic(client, ['TenantSuspendedEvent']);
    const publisher = await createPublisher(client, codec);
    const records = Array.from({ length: 300 }, (_, index) => messageTo(topic, 1, `tenant-${index}x`));
    await Promise.all(records.map((record) => publisher.send([record])));
    await publisher.stop();
    const found = await readRaw(client, topic, records.length);
    expect(found.map(({ message }) => fromHeaders(message.headers ?? {}).id)).toEqual(idsOf(records));
    expect(found.map(({ message }) => message.key?.toString())).toEqual(records.map(({ key }) => key));
    expect(new Set(found.map(({ partition }) => partition))).toEqual(new Set([1]));
    await deleteTopic(client, topic);
  });

  it('refuses a record too large for a broker, and one that is not in the contract, and publishes its neighbours', async () => {
    const { topic, codec } = await freshTopic(client, ['TenantSuspendedEvent']);
    const publisher = await createPublisher(client, codec);
    const good = [messageTo(topic, 0, 'enterprise-001'), messageTo(topic, 0, 'enterprise-001')];
    const large = messageTo(topic, 0, 'enterprise-001');
    const sent = good.map((record) => codeOf(publisher.send([record])));
    const headers = { ...large.envelope, correlationId: 'x'.repeat(1_000_000) };
    sent.push(codeOf(publisher.send([{ ...large, envelope: headers }])));
    sent.push(codeOf(publisher.send([messageTo(topic, 0, 'enterprise-001', { reason: 7 })])));
    sent.push(codeOf(publisher.send([{ ...messageTo(topic, 0, 'enterprise-001'), key: 'standard-002' }])));
    expect(await Promise.all(sent)).toEqual(['none', 'none', 'too_large', 'invalid_body', 'envelope_mismatch']);
    await publisher.stop();
    expect(await codeOf(publisher.send(good))).toBe('stopped');
    expect((await readRaw(client, topic, 2)).map(({ message }) => fromHeaders(message.headers ?? {}).id)).toEqual(idsOf(good));
    await deleteTopic(client, topic);
  });

  it('refuses a topic or a partition that does not exist, rather than dropping the record', async () => {
    const { topic, codec } = subject;
    const publisher = await createPublisher(client, codec);
    expect(await codeOf(publisher.send([{ ...messageTo(topic, 0, 'enterprise-001'), topic: uniqueName('nowhere') }]))).toBe(
      'unknown_message',
    );
    expect(await codeOf(publisher.send([messageTo(topic, 99, 'enterprise-001')]))).toBe('unavailable');
    expect(await codeOf(publisher.send([messageTo(topic, 0, 'enterprise-001')]))).toBe('none');
    await publisher.stop();
  });
});

describe('a transactional publisher', () => {
  it('publishes all or nothing, in order', async () => {
    const { topic, codec } = await freshTopic(client, ['TenantSuspendedEvent']);
    const publisher = await createPublisher(client, codec, { transactionalId: uniqueName('tx') });
    const first = [messageTo(topic, 0, 'enterprise-001'), messageTo(topic, 0, 'standard-002')];
    const broken = [messageTo(topic, 0, 'small-003'), messageTo(topic, 99, 'small-003')];
    const last = Array.from({ length: 2500 }, (_, index) => messageTo(topic, 0, `tenant-${index}x`, { reason: 'x'.repeat(500) }));
    await publisher.transaction(first);
    expect(await codeOf(publisher.transaction(broken))).toBe('unavailable');
    await publisher.transaction(last);
    await publisher.stop();
    const found = await readRaw(client, topic, first.length + last.length);
    expect(found.map(({ message }) => fromHeaders(message.headers ?? {}).id)).toEqual(idsOf([...first, ...last]));
    await deleteTopic(client, topic);
  });

  it('is fenced by its successor, at once and for good: it publishes nothing more', async () => {
    const { topic, codec } = await freshTopic(client, ['TenantSuspendedEvent']);
    const transactionalId = uniqueName('tx');
    const predecessor = await createPublisher(client, codec, { transactionalId });
    const before = [messageTo(topic, 0, 'enterprise-001')];
    await predecessor.transaction(before);

    // The successor has not published anything yet: its start alone must do.
    const successor = await createPublisher(client, codec, { transactionalId });
    expect(await codeOf(predecessor.transaction([messageTo(topic, 0, 'standard-002')]))).toBe('fenced');
    expect(await codeOf(predecessor.transaction([messageTo(topic, 0, 'standard-002')]))).toBe('fenced');
    const after = [messageTo(topic, 0, 'small-003')];
    await successor.transaction(after);
    await Promise.all([predecessor.stop(), successor.stop()]);
    const found = await readRaw(client, topic, 2);
    expect(found.map(({ message }) => fromHeaders(message.headers ?? {}).id)).toEqual(idsOf([...before, ...after]));
    await deleteTopic(client, topic);
  });

  it('has no transactions without an id', async () => {
    const publisher = await createPublisher(client, subject.codec);
    expect(await codeOf(publisher.transaction([]))).toBe('refused');
    await publisher.stop();
  });
});
