import { directoryRowSchema, fromHeaders, messageByType, toHeaders } from '@ultracore/contracts';
import type { StoredEvent } from '@ultracore/event-sourcing';
import { describe, expect, test } from 'vitest';
import { toDirectoryRow } from '../../src/outbound/directory.ts';
import { translate } from '../../src/outbound/translate.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { activated, created, credentialOf, factsOf, idOf, minutesLater, retried, terminated } from '../tenant/examples.ts';

const creation = idOf('creation');
const { started, issued, schema, migrated, migrationsFailed, failed } = factsOf(creation);
const database: TenantEvent = {
  type: 'DatabaseCreated',
  data: { requestId: creation, dbName: 'ultracore_standard_002', createdAt: minutesLater(1) },
};
const again = retried(idOf('again'), 2, minutesLater(3));
const active = activated(creation, minutesLater(2));
const ended = terminated(minutesLater(4));
const all: readonly TenantEvent[] = [
  created,
  started,
  issued,
  database,
  schema,
  migrated,
  migrationsFailed,
  failed,
  again,
  active,
  ended,
];

const stored = (event: TenantEvent, metadata: StoredEvent['metadata'] = {}): StoredEvent => ({
  id: idOf(event.type),
  streamName: streamOf('standard-002'),
  ...tenantCodec.encode(event),
  metadata,
  revision: 7n,
  position: 700n,
  createdAt: new Date(minutesLater(5)),
});

describe('translate', () => {
  test('every event of a tenant becomes exactly its message of the contract, on its topic', () => {
    const messages = all.map((event) => translate(stored(event), event));
    const faults = messages.flatMap(({ envelope, body, topic }) => {
      const message = messageByType(envelope.type);
      const parsed = message?.schema.safeParse(body);
      return parsed?.success && message?.topic === topic ? [] : [`${envelope.type}: ${parsed?.error?.message ?? topic}`];
    });
    expect(faults).toEqual([]);
    expect(messages.map(({ envelope }) => envelope.type)).toEqual([
      'TenantCreatedEvent',
      'TenantProvisioningStartedEvent',
      'TenantCredentialsIssuedEvent',
      'TenantDatabaseCreatedEvent',
      'TenantSchemaCreatedEvent',
      'TenantMigrationsCompletedEvent',
      'TenantMigrationsFailedEvent',
      'TenantProvisioningFailedEvent',
      'TenantProvisioningRetryRequestedEvent',
      'TenantActivatedEvent',
      'TenantTerminatedEvent',
    ]);
  });

  test('keeps id, revision, time, correlation, causation and trace; a fact is its owner speaking', () => {
    const metadata = {
      correlationId: 'call-1',
      causationId: creation,
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      actor: 'provisioning-worker',
    };
    const { envelope, key, body } = translate(stored(migrated, metadata), migrated);
    expect(key).toBe('standard-002');
    expect(envelope).toEqual({
      id: idOf('MigrationsCompleted'),
      type: 'TenantMigrationsCompletedEvent',
      source: '/ultracore/provisioning-worker',
      subject: 'tenant-standard-002',
      time: migrated.data.completedAt,
      tenantId: 'standard-002',
      sequence: 7,
      correlationId: 'call-1',
      causationId: creation,
      traceparent: metadata.traceparent,
    });
    expect(body).toMatchObject({ event_id: idOf('MigrationsCompleted'), tenant_id: 'standard-002', migration_version: '0003' });
    expect(fromHeaders(toHeaders(envelope))).toEqual(envelope);
  });

  test('a home without a schema of its own says none', () => {
    const whole = { ...started, data: { ...started.data, schemaName: null } };
    expect(translate(stored(whole), whole).body).not.toHaveProperty('schema_name');
  });
});

describe('toDirectoryRow', () => {
  const rowAfter = (...events: readonly TenantEvent[]) => {
    const state = events.reduce(tenantDecider.evolve, tenantDecider.initialState());
    if (state.status === 'none') throw new Error('these events make no tenant');
    return toDirectoryRow(state);
  };

  test('says what a home is to be made of while it is asked for, and no longer', () => {
    const asked: TenantEvent = { type: 'TenantCreated', data: { ...created.data, migrationVersion: '0004' } };
    expect(rowAfter(created)).toMatchObject({ target_migration_version: null });
    expect(rowAfter(asked, started)).toMatchObject({ target_migration_version: '0004' });
    expect(rowAfter(asked, started, failed)).toMatchObject({ target_migration_version: null });
  });

  test('names the users who had access and have none, and only those', () => {
    const about = { userId: 'eve', role: 'analyst' } as const;
    const given = { type: 'AccessGranted', data: { ...about, grantedBy: 'op-1', grantedAt: minutesLater(3) } } as const;
    const taken = { type: 'AccessRevoked', data: { ...about, revokedBy: 'op-1', revokedAt: minutesLater(4) } } as const;
    expect(rowAfter(created, given)).not.toHaveProperty('revoked_user_ids');
    expect(rowAfter(created, given, taken)).toMatchObject({ grants: [], revoked_user_ids: ['eve'] });
    expect(rowAfter(created, given, taken, given)).not.toHaveProperty('revoked_user_ids');
  });

  test('is a row of the contract after every step of every life', () => {
    const lives = [
      [created, started, issued, schema, migrated, active],
      [created, started, issued, failed, again, ended],
      [created, ended, migrated],
    ];
    const faults = lives.flatMap((life) =>
      life.flatMap((_, n) => directoryRowSchema.safeParse(rowAfter(...life.slice(0, n + 1))).error?.issues ?? []),
    );
    expect(faults).toEqual([]);
  });

  test('shows the issued credential as next, and as the one in force once the tenant is active', () => {
    const { requestId } = credentialOf(creation);
    expect(rowAfter(created, started, issued)).toMatchObject({
      status: 'provisioning',
      credential: null,
      next_credential: { request_id: requestId },
      db_username: null,
      home_request_id: null,
      requests: { provision: { id: creation, outcome: 'open', attempt: 1 } },
    });
    expect(rowAfter(created, started, issued, schema, migrated, active)).toMatchObject({
      status: 'active',
      credential: { request_id: requestId, db_username: 'uc_standard_002' },
      next_credential: null,
      db_username: 'uc_standard_002',
      readonly_db_username: 'uc_standard_002__ro',
      home_request_id: creation,
      requests: { provision: { id: creation, outcome: 'done', attempt: 1 } },
      revision: 5,
    });
  });

  test('shows which request is in force, and what became of a cancelled one', () => {
    expect(rowAfter(created, started, failed)).toMatchObject({
      status: 'failed',
      requests: { provision: { id: creation, outcome: 'failed' } },
    });
    expect(rowAfter(created, started, failed, again)).toMatchObject({
      status: 'provisioning',
      requests: { provision: { id: idOf('again'), outcome: 'open', attempt: 2 } },
    });
    expect(rowAfter(created, started, ended)).toMatchObject({
      status: 'terminated',
      requests: { provision: { id: creation, outcome: 'cancelled' } },
      purge_after: minutesLater(4),
      db_name: null,
    });
  });
});
