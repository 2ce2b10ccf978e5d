import { TOPICS, toHeaders } from '@ultracore/contracts';
import { describe, expect, it } from 'vitest';
import type { MessageCodec, RawRecord } from '../src/codec.ts';
import { KafkaError } from '../src/errors.ts';
import { readRecord } from '../src/in-message.ts';

/** A codec that was made for nothing. */
const codec: MessageCodec = {
  encode: () => Buffer.alloc(0),
  decode: () => undefined,
  open: () => {
    throw new KafkaError('unknown_message', 'not ours');
  },
  knows: () => false,
  learn: () => Promise.resolve(false),
  isAhead: () => Promise.resolve(false),
};

const recordOf = (topic: string, type: string): RawRecord => ({
  topic,
  key: Buffer.from('enterprise-001'),
  value: Buffer.alloc(10),
  headers: toHeaders({
    id: 'e1',
    type,
    source: '/ultracore/test',
    subject: 'tenant-enterprise-001',
    time: '2026-03-02T09:15:30.250Z',
    tenantId: 'enterprise-001',
  }),
});

const kindOf = async (topic: string, type: string): Promise<string> =>
  (await readRecord(codec, { partition: 0, offset: '0' }, recordOf(topic, type))).kind;

describe('a record', () => {
  it('of the platform that this program was not made for is skipped, not put aside', async () => {
    expect(await kindOf(TOPICS.lifecycle, 'TenantActivatedEvent')).toBe('skipped');
  });

  it('of a type that has no business on its topic, or that nobody knows, is put aside', async () => {
    expect(await kindOf(TOPICS.facts('data-product'), 'TenantMigrationsCompletedEvent')).toBe('unreadable');
    expect(await kindOf(TOPICS.lifecycle, 'TenantVanishedEvent')).toBe('unreadable');
  });
});
