import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { SCHEMA_DIRECTORY, committedCatalog } from '../scripts/schema-files.ts';
import { MESSAGES, TOPICS, TOPIC_SPECS, messageByType, messagesOn, subjectOf, topicsOf } from '../src/index.ts';
import { fixture, fixtureTypes } from './fixtures.ts';

/** The nineteen names of the product's contract. */
const PRODUCT_CONTRACT = [
  'TenantCreatedEvent',
  'TenantProvisioningStartedEvent',
  'TenantDatabaseCreatedEvent',
  'TenantSchemaCreatedEvent',
  'TenantMigrationsCompletedEvent',
  'TenantActivatedEvent',
  'TenantSuspendedEvent',
  'TenantReactivatedEvent',
  'TenantTerminatedEvent',
  'TenantConfigUpdatedEvent',
  'TenantConnectionPoolResizedEvent',
  'TenantReadReplicaAddedEvent',
  'TenantResourceUsageRecordedEvent',
  'TenantResourceLimitExceededEvent',
  'TenantScaledUpEvent',
  'TenantScaledDownEvent',
  'TenantPasswordRotatedEvent',
  'TenantAccessGrantedEvent',
  'TenantAccessRevokedEvent',
];

const catalog = await committedCatalog(SCHEMA_DIRECTORY);
const ajv = new Ajv({ allErrors: true });
addFormats.default(ajv);

describe('the catalog of messages', () => {
  it('names each message once, and every message of the product contract', () => {
    const types = MESSAGES.map(({ type }) => type);
    expect(new Set(types).size).toBe(types.length);
    expect(types).toEqual(expect.arrayContaining(PRODUCT_CONTRACT));
  });

  it('has one fixture for each message and none besides', () => {
    expect(fixtureTypes()).toEqual(MESSAGES.map(({ type }) => type).sort());
  });

  it('finds a definition by its name, and none for a name that is nobody’s', () => {
    expect(messageByType('TenantActivatedEvent').topic).toBe(TOPICS.lifecycle);
    expect(messageByType('TenantVanishedEvent' as string)).toBeUndefined();
    expect(messageByType('constructor' as string)).toBeUndefined();
  });

  it('sends a fact first to its owner’s topic, everything else straight to its own', () => {
    expect(topicsOf(messageByType('TenantDatabaseCreatedEvent'))).toEqual([
      'multitenancy.facts.provisioning-worker',
      'multitenancy.lifecycle',
    ]);
    expect(topicsOf(messageByType('TenantCreatedEvent'))).toEqual(['multitenancy.lifecycle']);
    expect(messagesOn(TOPICS.facts('data-product')).map(({ type }) => type)).toEqual(['TenantIsolationVerifiedEvent']);
  });

  it('gives every message a topic that is created, and every topic but a dead-letter one its dead-letter topic', () => {
    const topics = TOPIC_SPECS.map(({ topic }) => topic);
    for (const topic of MESSAGES.flatMap(topicsOf)) expect(topics).toContain(topic);
    for (const topic of topics.filter((name) => !name.endsWith('.dlq'))) expect(topics).toContain(`${topic}.dlq`);
    expect(new Set(topics).size).toBe(topics.length);
    expect(TOPIC_SPECS.every(({ partitions }) => partitions === 12)).toBe(true);
  });
});

describe.each(MESSAGES.map((message) => ({ type: message.type, message })))('$type', ({ type, message }) => {
  const body = fixture(type);

  it('takes its fixture, in zod and in every registered JSON Schema', () => {
    expect(message.schema.parse(body)).toEqual(body);
    for (const topic of topicsOf(message)) {
      const validate = ajv.compile(catalog[subjectOf(topic, type)] ?? false);
      validate(body);
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  it('is closed: refuses a property that is not named, in zod and in JSON Schema', () => {
    const widened = { ...body, surprise: 1 };
    expect(message.schema.safeParse(widened).success).toBe(false);
    expect(ajv.validate(catalog[subjectOf(message.topic, type)] ?? true, widened)).toBe(false);
  });

  it('refuses a body from which a required property is missing', () => {
    const required = catalog[subjectOf(message.topic, type)]?.required ?? [];
    expect(required.length).toBeGreaterThan(0);
    const takenWithout = required.filter((property) => {
      const { [property]: _missing, ...rest } = body;
      return message.schema.safeParse(rest).success;
    });
    expect(takenWithout).toEqual([]);
  });

  it('says when it happened, and which event of which tenant it is', () => {
    expect(Date.parse(String(body[message.timeField]))).not.toBeNaN();
    expect(Object.keys(message.schema.shape)).toContain(message.timeField);
    const common = message.kind === 'directory' ? [] : ['event_id', 'tenant_id'];
    expect(Object.keys(message.schema.shape)).toEqual(expect.arrayContaining(common));
  });
});
