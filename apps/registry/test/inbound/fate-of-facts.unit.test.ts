import { TOPICS } from '@ultracore/contracts';
import {
  createCommandHandler,
  createInMemoryEventStore,
  type EventStore,
  EventSourcingError,
  type NewEvent,
} from '@ultracore/event-sourcing';
import { EventStoreDbError, type EventStoreDbErrorCode } from '@ultracore/eventstoredb';
import type { InMessage } from '@ultracore/kafka';
import { createLogger } from '@ultracore/service';
import { expect, test } from 'vitest';
import { createFactHandler } from '../../src/inbound/consume/facts.ts';
import { toProblemError } from '../../src/inbound/http/problems.ts';
import { publishingFault } from '../../src/outbound/publishable.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { created, idOf, minutesLater } from '../tenant/examples.ts';

const tenantId = 'standard-002';
const requestId = idOf('creation');
const logger = createLogger({ name: 'registry-test', level: 'silent' });

async function storeWith(...later: readonly NewEvent[]): Promise<EventStore> {
  const store = createInMemoryEventStore();
  const first = { id: requestId, ...tenantCodec.encode(created), metadata: {} };
  await store.append(streamOf(tenantId), [first, ...later], 'no_stream');
  return store;
}

/** The fate of a fact that the worker tells. */
async function fateOf(store: EventStore, dbName = 'ultracore_shared') {
  const commands = createCommandHandler({
    store,
    decider: tenantDecider,
    codec: tenantCodec,
    cacheSize: 10,
    check: publishingFault,
  });
  const type = 'TenantDatabaseCreatedEvent';
  const time = minutesLater(1);
  const id = idOf('fact');
  // What the handler reads of a message.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const message = {
    topic: TOPICS.facts('provisioning-worker'),
    type,
    key: tenantId,
    envelope: { id, type, source: '/ultracore/provisioning-worker', subject: tenantId, time, tenantId, causationId: requestId },
    body: { event_id: id, tenant_id: tenantId, db_name: dbName, created_at: time },
  } as unknown as InMessage;
  return createFactHandler({ commands, logger, onBoundary: () => undefined })(message);
}

const failingWith = async (code: EventStoreDbErrorCode): Promise<EventStore> => ({
  ...(await storeWith()),
  append: () => Promise.reject(new EventStoreDbError(code, `it is ${code}`)),
});

test.each(['stream_deleted', 'append_too_large'] as const)('a fact that can never be stored is put aside: %s', async (code) => {
  expect(await fateOf(await failingWith(code))).toEqual({ kind: 'dead_letter', reason: `${code}: it is ${code}` });
});

test.each(['unavailable', 'outcome_unknown', 'access_denied', 'stopped'] as const)(
  'a fact waits for a store that is %s',
  async (code) => {
    expect(await fateOf(await failingWith(code))).toMatchObject({ kind: 'retry_after' });
  },
);

test('a fact that could not be published is put aside with the field, and not stored', async () => {
  const store = await storeWith();
  expect(await fateOf(store, '')).toMatchObject({
    kind: 'dead_letter',
    reason: expect.stringContaining('event_not_publishable: TenantDatabaseCreatedEvent: db_name'),
  });
  expect((await store.readStream(streamOf(tenantId))).events).toHaveLength(1);
});

test('a stream that a newer program has written to stops the consumer, so that the fact is not lost', async () => {
  const newer = { id: idOf('newer'), type: 'TenantFrozen.v1', data: {}, metadata: {} };
  expect(await fateOf(await storeWith(newer))).toMatchObject({
    kind: 'stop',
    reason: expect.stringContaining('TenantFrozen.v1'),
  });
});

test('a caller whose command cannot be published is told so with a stable code, and nothing of the inside', () => {
  const problem = toProblemError(new EventSourcingError('event_not_publishable', 'TenantCreatedEvent: tenant_name: too short'));
  expect(problem).toMatchObject({ status: 500, code: 'event_not_publishable' });
  expect(problem?.detail).not.toContain('tenant_name');
});
