import { TOPICS, type MessageOf } from '@ultracore/contracts';
import { createCommandHandler, createInMemoryEventStore, EventSourcingError, type EventStore } from '@ultracore/event-sourcing';
import { EventStoreDbError } from '@ultracore/eventstoredb';
import type { InMessage } from '@ultracore/kafka';
import { v4 } from 'uuid';
import { beforeEach, describe, expect, test } from 'vitest';
import { createRequestHandler } from '../../src/inbound/consume/requests.ts';
import type { RequestName } from '../../src/inbound/consume/requested-command.ts';
import { createCreation } from '../../src/inbound/creation.ts';
import { createServers } from '../../src/inbound/servers.ts';
import { translateAnswer } from '../../src/outbound/translate-answer.ts';
import { answerStreamOf } from '../../src/request/answer.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { logger } from '../app.ts';
import { createFacts } from './facts-of-worker.ts';

type Command = MessageOf<'TenantCommandRequestedEvent'>['command'];

const standby = { host: 'pg-a2', port: 5432 };
const servers = [{ name: 'a', host: 'pg-a', port: 5432, connectionBudget: 100, standbys: [standby] }];
const tenantId = 'asked-1';
const create: Command = { name: 'create', tenant_name: 'Asked', tier: 'standard', owner_email: 'ada@firm.example' };

let store: EventStore;
let ask: (command: Command, options?: { requestId?: string; tenantId?: string }) => Promise<{ fate: unknown; answer: unknown }>;

beforeEach(() => {
  store = createInMemoryEventStore();
  start(servers);
});

/** A registry of a deployment with these servers, over the same event store. */
function start(deployed: typeof servers): void {
  const allowed = new Set<RequestName>(['create', 'configure', 'resize', 'suspend', 'reactivate', 'add_replica']);
  const handle = createRequestHandler({
    commands: createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 10 }),
    store,
    creation: createCreation({ servers: deployed, defaults: {}, provenVersion: () => Promise.resolve('0004') }),
    servers: createServers(deployed),
    allowed,
    logger,
  });
  ask = async (command, { requestId = v4(), tenantId: id = tenantId } = {}) => {
    const fate = await handle(message(command, requestId, id));
    const { events } = await store.readStream(answerStreamOf(requestId));
    expect(events.length).toBeLessThanOrEqual(1);
    return { fate, answer: events.map((stored) => translateAnswer(stored).body)[0] };
  };
}

function message(command: Command, requestId: string, id: string): InMessage {
  const type = 'TenantCommandRequestedEvent';
  const time = '2026-03-01T09:00:00.000Z';
  return {
    topic: TOPICS.requests,
    partition: 0,
    offset: '1',
    key: id,
    type,
    envelope: { id: v4(), type, source: '/crm', subject: id, time, tenantId: id, correlationId: 'call-7' },
    body: { event_id: v4(), tenant_id: id, request_id: requestId, command, requested_by: 'crm', requested_at: time },
  } as InMessage;
}

const types = async (): Promise<string[]> =>
  (await store.readStream(streamOf(tenantId))).events.map((stored) => tenantCodec.decode(stored).type);

const ACK = { kind: 'ack' };

describe('a request by Kafka', () => {
  test('is decided as an operator’s would be, and says who asked and by which request', async () => {
    const requestId = v4();
    expect(await ask(create, { requestId })).toMatchObject({ fate: ACK, answer: undefined });
    const [created] = (await store.readStream(streamOf(tenantId))).events;
    expect(created?.metadata).toMatchObject({ actor: 'crm', causationId: requestId, correlationId: 'call-7' });
    expect(created?.data).toMatchObject({ migrationVersion: '0004' });
    await createFacts(store).activate(tenantId, created?.id ?? '');
    await ask({ name: 'configure', config_key: 'timezone', new_value: 'Europe/Zurich' });
    await ask({ name: 'resize', min_connections: 1, max_connections: 9, reason: 'quiet' });
    await ask({ name: 'suspend', reason: 'unpaid' });
    await ask({ name: 'reactivate' });
    expect((await types()).slice(-4)).toEqual(['ConfigUpdated', 'ConnectionPoolResized', 'TenantSuspended', 'TenantReactivated']);
  });

  test('that comes again is decided once', async () => {
    const requestId = v4();
    await ask(create, { requestId });
    expect(await ask(create, { requestId })).toMatchObject({ fate: ACK, answer: undefined });
    expect(await types()).toEqual(['TenantCreated']);
  });

  test('that was taken stays taken when it comes again, though what it names is no longer there by then', async () => {
    await ask(create);
    const [created] = (await store.readStream(streamOf(tenantId))).events;
    await createFacts(store).activate(tenantId, created?.id ?? '');
    const requestId = v4();
    const add: Command = { name: 'add_replica', readonly_db_host: standby.host, readonly_db_port: standby.port };
    expect(await ask(add, { requestId })).toMatchObject({ fate: ACK, answer: undefined });
    start(servers.map((server) => ({ ...server, standbys: [] })));
    expect(await ask(add, { requestId })).toMatchObject({ fate: ACK, answer: undefined });
    expect((await types()).at(-1)).toBe('ReadReplicaRequested');
    expect(await ask(add)).toMatchObject({ answer: { code: 'unknown_standby' } });
  });

  test.each<[string, Command, string, string?]>([
    ['a tenant that is not there', { name: 'suspend', reason: 'x' }, 'tenant_not_found', 'no-such'],
    ['what its status does not allow', { name: 'reactivate' }, 'not_suspended'],
    ['an id that is reserved', create, 'tenant_id_reserved', 'shared'],
    ['an unknown time zone', { name: 'configure', config_key: 'timezone', new_value: 'Mars/Olympus' }, 'invalid_value'],
    ['more decimals than are kept', { ...create, settings: { max_storage_gb: 1.234 } }, 'invalid_value'],
    ['a value of another type', { name: 'configure', config_key: 'auto_scale', new_value: 'yes' }, 'invalid_value'],
    ['a pool above its server', { name: 'resize', min_connections: 1, max_connections: 500, reason: 'x' }, 'over_server_budget'],
    ['what may not be asked for by Kafka', { name: 'terminate', reason: 'x', data_retention_days: 0 }, 'command_not_allowed'],
  ])('is refused for %s, and the answer names the request', async (_what, command, code, id = tenantId) => {
    await ask(create);
    const requestId = v4();
    const { fate, answer } = await ask(command, { requestId, tenantId: id });
    expect(fate).toEqual(ACK);
    expect(answer).toMatchObject({ request_id: requestId, tenant_id: id, code });
    expect(await types()).toEqual(['TenantCreated']);
  });

  test.each([
    new EventSourcingError('event_not_publishable', 'ConfigUpdated: timezone'),
    new EventStoreDbError('append_too_large', 'it is too large'),
    new EventStoreDbError('stream_deleted', 'it is gone'),
  ])('is answered, too, when what it leads to can never be stored, without a word of why: $code', async (fault) => {
    await ask(create);
    const { append } = store;
    store = {
      ...store,
      append: (name, ...rest) => (name === streamOf(tenantId) ? Promise.reject(fault) : append(name, ...rest)),
    };
    start(servers);
    const answered = await ask({ name: 'configure', config_key: 'timezone', new_value: 'Europe/Zurich' });
    expect(answered).toMatchObject({ fate: ACK, answer: { tenant_id: tenantId, code: fault.code } });
    expect(JSON.stringify(answered)).not.toContain(fault.message);
  });

  test('that was refused stays refused when it comes again, though it would be possible by then', async () => {
    const requestId = v4();
    const suspend: Command = { name: 'suspend', reason: 'unpaid' };
    expect(await ask(suspend, { requestId })).toMatchObject({ answer: { code: 'tenant_not_found' } });
    await ask(create);
    const [created] = (await store.readStream(streamOf(tenantId))).events;
    await createFacts(store).activate(tenantId, created?.id ?? '');
    expect(await ask(suspend, { requestId })).toMatchObject({ fate: ACK, answer: { code: 'tenant_not_found' } });
    expect((await types()).at(-1)).toBe('TenantActivated');
  });
});
