import { messageByType, TOPICS, type MessageOf } from '@ultracore/contracts';
import { createCommandHandler, eventId, type EventStore } from '@ultracore/event-sourcing';
import { ack, createConsumer, createPublisher, type Fate, type OutRecord, type Publisher } from '@ultracore/kafka';
import { waitFor } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createFactHandler } from '../../src/inbound/consume/facts.ts';
import { factTopics } from '../../src/messages.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { logger } from '../app.ts';
import { createHistory, freshTenantId, openBackends, type Backends } from '../backends.ts';
import { openKafka, type KafkaUnderTest } from '../kafka.ts';
import { credentialOf } from '../tenant/examples.ts';

let kafka: KafkaUnderTest;
let backends: Backends;
let publisher: Publisher;

beforeAll(async () => {
  [kafka, backends] = await Promise.all([openKafka(), openBackends()]);
  publisher = await createPublisher(kafka.client, kafka.codec);
});
afterAll(async () => {
  await publisher.stop();
  await kafka[Symbol.asyncDispose]();
  await backends[Symbol.asyncDispose]();
});

type FactType = 'TenantProvisioningStartedEvent' | 'TenantCredentialsIssuedEvent' | 'TenantMigrationsCompletedEvent';
type Fields<Type extends FactType> = Omit<MessageOf<Type>, 'event_id' | 'tenant_id'>;

/** A record as the worker writes it. */
function fact<Type extends FactType>(tenantId: string, requestId: string, type: Type, fields: Fields<Type>): OutRecord {
  const id = eventId(requestId, type);
  const time = '2026-03-01T09:01:00.000Z';
  return {
    topic: TOPICS.facts('provisioning-worker'),
    key: tenantId,
    envelope: {
      id,
      type,
      source: '/ultracore/provisioning-worker',
      subject: tenantId,
      time,
      tenantId,
      causationId: requestId,
      correlationId: 'call-1',
    },
    body: { event_id: id, tenant_id: tenantId, ...fields },
  };
}
const at = '2026-03-01T09:01:00.000Z';
const started = (id: string, request: string) =>
  fact(id, request, 'TenantProvisioningStartedEvent', {
    db_name: 'ultracore_shared',
    schema_name: 'app',
    attempt: 1,
    started_at: at,
  });
const issued = (id: string, request: string) => {
  const c = credentialOf(request);
  return fact(id, request, 'TenantCredentialsIssuedEvent', {
    db_username: c.dbUsername,
    db_password_encrypted: c.dbPasswordEncrypted,
    readonly_db_username: c.readonlyDbUsername,
    readonly_db_password_encrypted: c.readonlyDbPasswordEncrypted,
    encryption_algorithm: c.encryptionAlgorithm,
    key_id: c.keyId,
    issued_at: at,
  });
};
const migrated = (id: string, request: string) =>
  fact(id, request, 'TenantMigrationsCompletedEvent', {
    migration_version: '0003',
    migrations_applied: 3,
    tables_created: 12,
    completed_at: at,
  });

/** A member of a group of its own that takes only what is about these tenants; the fates it gave, in order. */
async function recording(tenantIds: readonly string[], store: EventStore = backends.store): Promise<Fate[]> {
  const fates: Fate[] = [];
  const commands = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 100 });
  const handle = createFactHandler({ commands, logger, onBoundary: () => undefined });
  const consumer = createConsumer(kafka.client, kafka.codec, {
    groupId: `registry-test-${v4()}`,
    topics: factTopics(),
    handle: async (message) => {
      if (!tenantIds.includes(message.key)) return ack();
      const fate = await handle(message);
      fates.push(fate);
      return fate;
    },
    onStopped: (error) => {
      throw error;
    },
  });
  await consumer.start();
  onTestFinished(() => consumer.stop());
  return fates;
}

describe('facts from their owner’s topic', () => {
  test('are recorded in the stream, and the last activates the tenant in the same append', async () => {
    const id = freshTenantId();
    const request = await createHistory(backends.store).create(id);
    const fates = await recording([id]);
    await publisher.send([started(id, request), issued(id, request), migrated(id, request)]);
    await waitFor(() => fates.length === 3, { what: 'three fates' });
    const { events } = await backends.store.readStream(streamOf(id));
    expect(events.map(({ type }) => type)).toEqual([
      'TenantCreated.v1',
      'ProvisioningStarted.v1',
      'CredentialsIssued.v1',
      'MigrationsCompleted.v1',
      'TenantActivated.v1',
    ]);
    const [, , , completed, activated] = events;
    expect(completed).toMatchObject({
      id: eventId(request, 'TenantMigrationsCompletedEvent'),
      metadata: { causationId: request, correlationId: 'call-1', actor: '/ultracore/provisioning-worker' },
    });
    expect(activated).toMatchObject({
      id: eventId(completed?.id ?? '', 1),
      metadata: { causationId: completed?.id, correlationId: 'call-1' },
    });
  });

  test('that come again are done without an append, also by another registry', async () => {
    const id = freshTenantId();
    const request = await createHistory(backends.store).create(id);
    const records = [started(id, request), issued(id, request), migrated(id, request)];
    await publisher.send([...records, ...records]);
    const [one, two] = [await recording([id]), await recording([id])];
    await waitFor(() => one.length === 6 && two.length === 6, { what: 'all fates' });
    expect([...one, ...two].every(({ kind }) => kind === 'ack')).toBe(true);
    expect((await backends.store.readStream(streamOf(id))).events).toHaveLength(5);
  });

  test('of a request that was never asked are recorded and activate nobody', async () => {
    const id = freshTenantId();
    await createHistory(backends.store).create(id);
    const fates = await recording([id]);
    const forged = v4();
    await publisher.send([started(id, forged), issued(id, forged), migrated(id, forged)]);
    await waitFor(() => fates.length === 3, { what: 'three fates' });
    const history = createHistory(backends.store);
    expect((await history.load(streamOf(id))).state).toMatchObject({
      status: 'provisioning',
      revision: 3,
      decidedRevision: 0,
      home: null,
    });
  });

  test('about a tenant that was never created go to the dead letters, and the next one is taken', async () => {
    const [unknown, id] = [freshTenantId(), freshTenantId()];
    const request = await createHistory(backends.store).create(id);
    const fates = await recording([unknown, id]);
    await publisher.send([started(unknown, v4())]);
    await publisher.send([started(id, request)]);
    await waitFor(() => fates.length === 2, { what: 'two fates' });
    expect(fates.find(({ kind }) => kind === 'dead_letter')).toMatchObject({
      reason: expect.stringContaining('tenant_not_found'),
    });
    expect((await backends.store.readStream(streamOf(unknown))).exists).toBe(false);
    expect((await backends.store.readStream(streamOf(id))).events).toHaveLength(2);
  });

  test('wait while the event store is away, and are then recorded', async () => {
    const id = freshTenantId();
    const request = await createHistory(backends.store).create(id);
    let refusals = 2;
    const flaky: EventStore = {
      ...backends.store,
      append: (...args) => (refusals-- > 0 ? Promise.reject(new Error('connection refused')) : backends.store.append(...args)),
    };
    const fates = await recording([id], flaky);
    await publisher.send([started(id, request)]);
    await waitFor(() => fates.length === 3, { what: 'three fates' });
    expect(fates.map(({ kind }) => kind)).toEqual(['retry_after', 'retry_after', 'ack']);
    expect((await backends.store.readStream(streamOf(id))).events).toHaveLength(2);
  });
});

test('the codec is made for every fact on its owner’s topic', () => {
  expect(kafka.codec.knows(TOPICS.facts('provisioning-worker'), messageByType('TenantMigrationsCompletedEvent').type)).toBe(true);
  expect(kafka.codec.knows(TOPICS.facts('data-product'), 'TenantMigrationsCompletedEvent')).toBe(false);
});
