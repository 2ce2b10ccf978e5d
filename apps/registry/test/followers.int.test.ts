import { PARTITIONS } from '@ultracore/contracts';
import { createPublisher, type OutRecord } from '@ultracore/kafka';
import { createCheckpoint } from '@ultracore/postgres';
import { waitFor } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createRelay, type Relay } from '../src/outbound/relay.ts';
import { CHECKPOINTS, SCHEMA } from '../src/store/schema.ts';
import { streamOf } from '../src/tenant/codec.ts';
import { logger } from './app.ts';
import { createHistory, freshTenantId, openBackends, startProjector, storedRows, type Backends } from './backends.ts';
import { openKafka, type KafkaUnderTest } from './kafka.ts';

let kafka: KafkaUnderTest;
beforeAll(async () => {
  kafka = await openKafka();
});
afterAll(() => kafka[Symbol.asyncDispose]());

const until = (what: string, condition: () => boolean | Promise<boolean>) => waitFor(condition, { what, deadlineMs: 30_000 });

/** A relay, and what it published. */
function startRelay({ pool, store }: Pick<Backends, 'pool' | 'store'>): {
  relay: Relay;
  published: OutRecord[];
  events: number[];
} {
  const published: OutRecord[] = [];
  const events: number[] = [];
  const relay = createRelay({
    pool,
    store,
    holder: v4(),
    leaseTtlMs: 1_000,
    logger,
    onBoundary: () => undefined,
    codec: kafka.codec,
    onPublished: (count) => events.push(count),
    async connectPublisher() {
      const publisher = await createPublisher(kafka.client, kafka.codec, { transactionalId: `registry-${v4()}` });
      return {
        ...publisher,
        async transaction(records) {
          await publisher.transaction(records);
          published.push(...records);
        },
      };
    },
  });
  relay.start();
  onTestFinished(() => relay.stop());
  return { relay, published, events };
}
const beatsIn = (records: readonly OutRecord[]): number =>
  records.filter(({ envelope }) => envelope.type === 'DirectoryBeat').length;

test('an event of a later version stops relay and projector in front of it, and both say which and what to do', async () => {
  await using backends = await openBackends();
  const { store, pool } = backends;
  const history = createHistory(store);
  const projector = startProjector(backends);
  const { relay, published, events } = startRelay(backends);
  const id = freshTenantId();
  await history.create(id);
  await until('the tenant everywhere', async () => events.includes(1) && (await storedRows(pool, [id])).length === 1);
  expect([relay.fault(), projector.fault()]).toEqual([undefined, undefined]);

  const newer = { id: v4(), type: 'TenantFrozen.v1', data: {}, metadata: {} };
  const { position } = await store.append(streamOf(id), [newer], 0n);
  const sentence = `event TenantFrozen.v1 at ${streamOf(id)}@1 is newer than this program: run the version that wrote it`;
  const isSaid = (): boolean =>
    relay.fault() === `the relay has stopped: ${sentence}` && projector.fault() === `the projector has stopped: ${sentence}`;
  await until('both to say so', isSaid);
  expect(relay.lagSeconds()).toBeGreaterThan(0);
  const seen = beatsIn(published);
  // Each try begins with beats: the fault outlives them.
  await until('the relay to try again, twice', () => beatsIn(published) >= seen + 2 * PARTITIONS);
  await until('both to say so still', isSaid);
  const checkpoint = createCheckpoint(SCHEMA);
  for (const name of Object.values(CHECKPOINTS)) expect(await checkpoint.get(pool, name)).toBeLessThan(position);
});

test('a relay that reads a long log before it can publish beats meanwhile', async () => {
  await using backends = await openBackends();
  const endless: Backends['store'] = {
    ...backends.store,
    // The log has no end: what is read first never comes to it.
    subscribeToAll: (options) => backends.store.subscribeToAll({ ...options, onCaughtUp: () => undefined }),
  };
  await createHistory(backends.store).create(freshTenantId());
  const { published } = startRelay({ pool: backends.pool, store: endless });
  await until('three beats in each partition', () => beatsIn(published) >= 3 * PARTITIONS);
  expect(published).toHaveLength(beatsIn(published));
});
