import { readFileSync } from 'node:fs';
import { FACT_APPS, MESSAGES, messageByType, TOPICS } from '@ultracore/contracts';
import { describe, expect, test } from 'vitest';
import { FACT_TYPES, readFact, type FactMessage } from '../../src/inbound/consume/read-fact.ts';
import { translate } from '../../src/outbound/translate.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { idOf } from '../tenant/examples.ts';

const FIXTURES = new URL('../../../../packages/contracts/fixtures/', import.meta.url);
const fixtureOf = (type: string): Record<string, unknown> => {
  const fixture: unknown = JSON.parse(readFileSync(new URL(`${type}.json`, FIXTURES), 'utf8'));
  const [example] = Array.isArray(fixture) ? fixture : [fixture];
  return example.body ?? example;
};

const factMessage = (type: string, more: Partial<FactMessage> = {}): FactMessage => {
  const body = fixtureOf(type);
  return {
    topic: TOPICS.facts(FACT_APPS.find((app) => app === messageByType(type)?.owner) ?? 'provisioning-worker'),
    envelope: { type, tenantId: String(body['tenant_id']), causationId: idOf('creation') },
    body,
    ...more,
  };
};

describe('readFact', () => {
  test.each(FACT_TYPES)('%s comes in and goes out again as the same message', (type) => {
    const message = factMessage(type);
    const read = readFact(message);
    if (!read.ok) throw new Error(read.reason);
    const stored = {
      id: String(fixtureOf(type)['event_id']),
      streamName: streamOf(read.tenantId),
      ...tenantCodec.encode(read.fact),
      metadata: {},
      revision: 3n,
      position: 3n,
      createdAt: new Date(),
    };
    expect(read.fact.data.requestId).toBe(idOf('creation'));
    const out = translate(stored, tenantCodec.decode(stored));
    expect(out.envelope.type).toBe(type);
    expect(out.body).toEqual(message.body);
  });

  test('a type counts only on the topic of its owner', () => {
    for (const topic of [TOPICS.lifecycle, TOPICS.security, TOPICS.requests, TOPICS.facts('data-product')]) {
      expect(readFact(factMessage('TenantMigrationsCompletedEvent', { topic }))).toMatchObject({ ok: false });
    }
  });

  test('what the registry itself decides is nobody’s fact', () => {
    for (const { type } of MESSAGES.filter(({ kind }) => kind === 'state')) {
      expect(
        readFact(factMessage('TenantMigrationsCompletedEvent', { envelope: { type, tenantId: 'a-1', causationId: idOf('x') } }))
          .ok,
      ).toBe(false);
    }
  });

  test('a fact that names no request is none', () => {
    for (const causation of [{}, { causationId: 'not-a-uuid' }, { causationId: '' }]) {
      const envelope = { type: 'TenantMigrationsCompletedEvent', tenantId: 'a-1', ...causation };
      expect(readFact(factMessage('TenantMigrationsCompletedEvent', { envelope }))).toMatchObject({ ok: false });
    }
  });
});
