import { TOPICS } from '@ultracore/contracts';
import type { EventStore } from '@ultracore/event-sourcing';
import { createPublisher, type MessageCodec, type Publisher } from '@ultracore/kafka';
import { createCheckpoint } from '@ultracore/postgres';
import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { toDirectoryRow } from '../../src/outbound/directory.ts';
import { createRelay, type Relay, type RelayDeps } from '../../src/outbound/relay.ts';
import { answerCodec, answerStreamOf } from '../../src/request/answer.ts';
import { parkedTenants } from '../../src/store/parked-tenants.ts';
import { CHECKPOINTS, SCHEMA } from '../../src/store/schema.ts';
import { streamOf } from '../../src/tenant/codec.ts';
import { logger } from '../app.ts';
import { createHistory, freshTenantId, openBackends } from '../backends.ts';
import { openKafka, type KafkaUnderTest } from '../kafka.ts';
import { factsOf } from '../tenant/examples.ts';

const checkpoint = createCheckpoint(SCHEMA);
const WHOLE_LIFE = [
  'TenantCreatedEvent',
  'TenantProvisioningStartedEvent',
  'TenantCredentialsIssuedEvent',
  'TenantSchemaCreatedEvent',
  'TenantMigrationsCompletedEvent',
  'TenantActivatedEvent',
];

let kafka: KafkaUnderTest;
beforeAll(async () => {
  kafka = await openKafka();
});
afterAll(() => kafka[Symbol.asyncDispose]());

/** A relay that begins where the log ends now: the log is shared with every other test. */
async function startRelay(
  { pool, store }: { pool: Pool; store: EventStore },
  more: Partial<RelayDeps> & { transactionalId?: string } = {},
): Promise<Relay> {
  const { transactionalId = `registry-${v4()}`, ...deps } = more;
  const { position } = await store.append(`marker-${v4()}`, [{ id: v4(), type: 'Marked', data: {}, metadata: {} }], 'no_stream');
  if ((await checkpoint.get(pool, CHECKPOINTS.relay)) === null) await checkpoint.set(pool, CHECKPOINTS.relay, position);
  const relay = createRelay({
    pool,
    store,
    holder: v4(),
    leaseTtlMs: 1_000,
    logger,
    onBoundary: () => undefined,
    codec: kafka.codec,
    connectPublisher: () => createPublisher(kafka.client, kafka.codec, { transactionalId }),
    ...deps,
  });
  relay.start();
  onTestFinished(() => relay.stop());
  return relay;
}

const typesOf = (tenantId: string): string[] => kafka.events(tenantId).map(({ type }) => type);
const until = (what: string, condition: () => boolean | Promise<boolean>) => waitFor(condition, { what, deadlineMs: 30_000 });

describe('the relay', () => {
  test('publishes the refusal of a request, once, where requests come from', async () => {
    await using backends = await openBackends();
    await startRelay(backends);
    const requestId = v4();
    const tenantId = freshTenantId();
    const data = { requestId, tenantId, code: 'not_active', detail: 'no', rejectedAt: '2026-03-01T09:00:00.000Z' };
    const event = { id: v4(), ...answerCodec.encode({ type: 'CommandRejected', data }), metadata: {} };
    await backends.store.append(answerStreamOf(requestId), [event], 'no_stream');
    await until('the answer', () => kafka.events(tenantId).length > 0);
    expect(kafka.events(tenantId)).toMatchObject([
      {
        topic: TOPICS.requests,
        type: 'TenantCommandRejectedEvent',
        envelope: { causationId: requestId },
        body: { request_id: requestId, code: 'not_active' },
      },
    ]);
    expect(kafka.rows(tenantId)).toEqual([]);
  });

  test('publishes every event of a tenant once, in stream order, on the topic of its type, and how the tenant is', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    await startRelay(backends);
    const id = freshTenantId();
    const request = await history.create(id);
    await history.activate(id, request);
    await until('the whole life', () => kafka.events(id).length >= WHOLE_LIFE.length);
    const events = kafka.events(id).toSorted((a, b) => (a.envelope.sequence ?? 0) - (b.envelope.sequence ?? 0));
    expect(events.map(({ type }) => type)).toEqual(WHOLE_LIFE);
    expect(events.map(({ envelope }) => envelope.sequence)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(events.find(({ type }) => type === 'TenantCredentialsIssuedEvent')?.topic).toBe(TOPICS.security);
    const lifecycle = kafka.events(id).filter(({ topic }) => topic === TOPICS.lifecycle);
    expect(lifecycle.map(({ type }) => type)).toEqual(WHOLE_LIFE.filter((type) => type !== 'TenantCredentialsIssuedEvent'));
    const { state } = await history.load(streamOf(id));
    if (state.status === 'none') throw new Error('there is no tenant');
    await until('the last row', () => kafka.rows(id).at(-1)?.revision === 5);
    expect(kafka.rows(id).at(-1)).toEqual(toDirectoryRow(state));
  });

  test('publishes each event once while nothing else waits', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    await startRelay(backends);
    const warm = freshTenantId();
    await history.create(warm);
    await until('the first event', () => kafka.events(warm).length > 0);
    for (let n = 0; n < 20; n += 1) {
      const id = freshTenantId();
      await history.create(id);
      await waitFor(() => kafka.events(id).length > 0, { what: 'the event', everyMs: 1 });
      expect(kafka.events(id)).toHaveLength(1);
    }
  });

  test('a checkpoint set back changes no reader’s state: events come again, a row never goes back', async () => {
    await using backends = await openBackends();
    const { pool, store } = backends;
    const history = createHistory(store);
    const first = await startRelay(backends);
    const from = (await checkpoint.get(pool, CHECKPOINTS.relay)) ?? 0n;
    const [warm, cold] = [freshTenantId(), freshTenantId()];
    await history.activate(warm, await history.create(warm));
    const coldRequest = await history.create(cold);
    await until('all of it', () => kafka.events(warm).length === 6 && kafka.events(cold).length === 1);
    const { events } = await store.readStream(streamOf(cold));
    const afterColdCreation = events[0]?.position ?? 0n;
    await history.activate(cold, coldRequest);
    await until('the rest', () => kafka.events(cold).length === 6);
    await first.stop();
    for (const position of [from, afterColdCreation]) {
      const before = [kafka.events(cold).length, kafka.rows(cold).length];
      await checkpoint.set(pool, CHECKPOINTS.relay, position);
      const again = await startRelay(backends);
      await until('the events again', () => kafka.events(cold).length >= (before[0] ?? 0) + 5);
      await again.stop();
      const rows = kafka.rows(cold).slice(before[1]);
      expect(rows.map((row) => row.revision)).toEqual([5]);
      expect(rows[0]).toEqual(kafka.rows(cold)[(before[1] ?? 0) - 1]);
    }
    expect(
      new Set(
        kafka
          .rows(warm)
          .slice(-2)
          .map((row) => row.revision),
      ),
    ).toEqual(new Set([5]));
  });

  test('killed between publishing and its checkpoint, it loses nothing', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    let deaths = 0;
    await startRelay(backends, {
      onBoundary: (name) => {
        if (deaths < 2 && name === (deaths === 0 ? 'relay:publish:before' : 'relay:publish:after')) {
          deaths += 1;
          throw new Error(`killed at ${name}`);
        }
      },
    });
    const id = freshTenantId();
    await history.activate(id, await history.create(id));
    await until('the whole life', () => new Set(typesOf(id)).size === WHOLE_LIFE.length);
    expect(deaths).toBe(2);
    const firsts = [
      ...new Set(
        kafka
          .events(id)
          .filter(({ topic }) => topic === TOPICS.lifecycle)
          .map(({ type }) => type),
      ),
    ];
    expect(firsts).toEqual(WHOLE_LIFE.filter((type) => type !== 'TenantCredentialsIssuedEvent'));
  });

  test('of two, one publishes; the other takes over when it stops', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const transactionalId = `registry-${v4()}`;
    const relays = [await startRelay(backends, { transactionalId }), await startRelay(backends, { transactionalId })];
    await until('one to be active', () => relays.some((relay) => relay.active()));
    const id = freshTenantId();
    const request = await history.create(id);
    await until('the first event', () => kafka.events(id).length === 1);
    expect(relays.filter((relay) => relay.active())).toHaveLength(1);
    expect(relays.map((relay) => relay.fault())).toEqual([undefined, undefined]);
    await relays.find((relay) => relay.active())?.stop();
    await history.activate(id, request);
    await until('the rest', () => kafka.events(id).length === 6);
    expect(typesOf(id)).toHaveLength(6);
  });

  test('one whose successor has taken the transactional id publishes nothing any more, and says so', async () => {
    await using backends = await openBackends();
    await using elsewhere = await openBackends();
    const history = createHistory(backends.store);
    const transactionalId = `registry-${v4()}`;
    const publishers: Publisher[] = [];
    // Its own database, so that its lease stays good: only the fence can stop it, as after a long pause.
    const paused = await startRelay(backends, {
      connectPublisher: async () => {
        if (publishers.length > 0) throw new Error('one life only');
        const publisher = await createPublisher(kafka.client, kafka.codec, { transactionalId });
        publishers.push(publisher);
        return publisher;
      },
    });
    await until('the first to publish', () => publishers.length === 1 && paused.active());
    const successor = await startRelay({ ...elsewhere, store: backends.store }, { transactionalId });
    await until('the successor to be there', () => successor.active());
    await until('the fence to be noticed', () => paused.fault() !== undefined);
    const id = freshTenantId();
    await history.create(id);
    await until('the successor’s event', () => kafka.events(id).length > 0);
    expect(kafka.events(id)).toHaveLength(1);
    expect(successor.fault()).toBeUndefined();
  });

  test('a tenant of whom nothing can be said holds up nobody, and is published once that is possible', async () => {
    await using backends = await openBackends();
    const { pool, store } = backends;
    const history = createHistory(store);
    const first = await startRelay(backends);
    const [good, bad, later] = [freshTenantId(), freshTenantId(), freshTenantId()];
    const request = await history.create(bad, { tenantName: 'two\nlines' });
    await history.create(good);
    await until('the other tenant', () => kafka.events(good).length === 1);
    await history.say(bad, factsOf(request).started);
    await history.create(later);
    await until('a later tenant', () => kafka.events(later).length === 1);
    expect([kafka.events(bad), kafka.rows(bad), first.fault()]).toEqual([[], [], undefined]);
    expect(await parkedTenants(pool)).toMatchObject([{ tenantId: bad, revision: 0n }]);
    await first.stop();
    const still = await startRelay(backends);
    await until('the next relay', () => still.active() && still.fault() === undefined);
    await history.say(bad, factsOf(request).issued);
    await still.stop();
    expect(kafka.events(bad)).toEqual([]);
    // As after an upgrade: contracts that allow the name.
    const lenient = (codec: MessageCodec): MessageCodec => ({
      ...codec,
      encode: (message) =>
        codec.encode({ ...message, body: JSON.parse(JSON.stringify(message.body).replace('two\\nlines', 'one line')) }),
    });
    await startRelay(backends, {
      codec: lenient(kafka.codec),
      connectPublisher: () => createPublisher(kafka.client, lenient(kafka.codec), { transactionalId: `registry-${v4()}` }),
    });
    await until('all of it', () => new Set(typesOf(bad)).size === 3);
    expect(kafka.rows(bad).at(-1)).toMatchObject({ tenant_name: 'one line', revision: 2 });
    expect(await parkedTenants(pool)).toEqual([]);
  });

  test('an idle directory has a beat in each partition each second', async () => {
    await using backends = await openBackends();
    await startRelay(backends);
    const before = kafka.beats();
    await until('three beats everywhere', () => kafka.beats().every((count, partition) => count >= (before[partition] ?? 0) + 3));
    expect(kafka.beats()).toHaveLength(12);
  });
});

test('facts that no longer fit are published too, and change no row but its revision', async () => {
  await using backends = await openBackends();
  const history = createHistory(backends.store);
  await startRelay(backends);
  const id = freshTenantId();
  const request = await history.create(id);
  await history.say(id, factsOf(request).failed);
  await until('the failure', () => kafka.rows(id).at(-1)?.revision === 1);
  const failed = kafka.rows(id).at(-1);
  expect(failed).toMatchObject({ status: 'failed', home_request_id: null });
  await history.say(id, factsOf(request).migrated);
  await until('the late fact', () => kafka.events(id).length === 3 && kafka.rows(id).at(-1)?.revision === 2);
  expect(typesOf(id)).toContain('TenantMigrationsCompletedEvent');
  expect(kafka.rows(id).at(-1)).toEqual({ ...failed, revision: 2 });
});
