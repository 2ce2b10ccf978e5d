import { randomUUID } from 'node:crypto';
import { messageByType, TIER_DEFAULTS, type DirectoryRow, type Tier } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { recordRow } from '../../src/store/directory.ts';
import { recordRequest } from '../../src/store/items.ts';
import { toldFacts } from './told.ts';

/** Plays the registry for one tenant: what would come over Kafka is written as the consumer would write it. */
export interface Registry {
  readonly tenantId: string;
  row(): DirectoryRow;
  requestId(): string;
  /** The creation event, and the row that shows it. */
  create(): Promise<void>;
  /** A newer row. */
  change(change: Partial<DirectoryRow>): Promise<void>;
  /** Ends the present request in the given way and asks anew. */
  retry(): Promise<void>;
  cancel(): Promise<void>;
  /** Waits for the end of the creation and answers it as the registry would: with an active, or a failed tenant. */
  answer(deadlineMs?: number): Promise<'active' | 'failed'>;
  /** Waits until the worker has closed every item of the tenant. */
  untilClosed(deadlineMs?: number): Promise<{ outcome: string; revision: string }[]>;
}

export function playRegistry(pool: Pool, place: { host: string; port: number }, tenantId: string, tier: Tier): Registry {
  const time = '2026-01-01T00:00:00.000Z';
  let row: DirectoryRow = {
    tenant_id: tenantId,
    tenant_name: tenantId,
    tier,
    status: 'provisioning',
    owner_email: 'owner@example.com',
    db_host: place.host,
    db_port: place.port,
    db_name: null,
    db_username: null,
    db_password_encrypted: null,
    schema_name: null,
    readonly_db_host: null,
    readonly_db_port: null,
    readonly_db_username: null,
    readonly_db_password_encrypted: null,
    ...TIER_DEFAULTS[tier],
    encryption_algorithm: null,
    created_at: time,
    updated_at: time,
    created_by: 'test',
    revision: 0,
    life: 1,
    home_request_id: null,
    credential: null,
    next_credential: null,
    requests: { provision: null, rotate: null, migrate: null, purge: null, verify_replica: null },
    grants: [],
    target_migration_version: null,
    purge_after: null,
    legal_hold: false,
  };

  async function change(changed: Partial<DirectoryRow>): Promise<void> {
    row = { ...row, ...changed, revision: row.revision + 1 };
    await recordRow(pool, row);
  }

  async function ask(attempt: number): Promise<void> {
    const requestId = randomUUID();
    const provision = { id: requestId, outcome: 'open', attempt } as const;
    await change({ status: 'provisioning', requests: { ...row.requests, provision } });
    await recordRequest(pool, { requestId, tenantId, revision: row.revision, correlationId: undefined, traceparent: undefined });
  }

  const provision = () => {
    if (row.requests.provision === null) throw new Error('Nothing was asked yet.');
    return row.requests.provision;
  };

  const end = (outcome: 'done' | 'failed' | 'cancelled', changed: Partial<DirectoryRow>): Promise<void> =>
    change({ ...changed, requests: { ...row.requests, provision: { ...provision(), outcome } } });

  return {
    tenantId,
    row: () => row,
    requestId: () => provision().id,
    create: () => ask(1),
    change,
    retry: () => ask(provision().attempt + 1),
    cancel: () => end('cancelled', { status: 'terminated' }),
    async answer(deadlineMs = 20_000) {
      const { id } = provision();
      const last = await waitFor(
        async () =>
          (await toldFacts(pool, tenantId)).find(
            ({ type, causationId }) =>
              causationId === id && (type === 'TenantMigrationsCompletedEvent' || type === 'TenantProvisioningFailedEvent'),
          ),
        { what: `the end of the creation of ${tenantId}`, deadlineMs },
      );
      if (last.type === 'TenantProvisioningFailedEvent') {
        await end('failed', { status: 'failed' });
        return 'failed';
      }
      const facts = await toldFacts(pool, tenantId);
      const issued = facts.find(({ type, causationId }) => type === 'TenantCredentialsIssuedEvent' && causationId === id);
      if (issued === undefined) throw new Error('No credential was issued.');
      const {
        event_id: _,
        tenant_id: __,
        issued_at: ___,
        ...sealed
      } = messageByType('TenantCredentialsIssuedEvent').schema.parse(issued.body);
      await end('done', { status: 'active', home_request_id: id, credential: { request_id: id, ...sealed } });
      return 'active';
    },
    untilClosed(deadlineMs = 20_000) {
      return waitFor(
        async () => {
          const { rows } = await pool.query<{ state: string; outcome: string; revision: string }>(
            'select state, outcome, revision from worker.work_item where tenant_id = $1 order by revision',
            [tenantId],
          );
          const isClosed = rows.length > 0 && rows.every(({ state }) => state === 'closed');
          return isClosed ? rows.map(({ outcome, revision }) => ({ outcome, revision })) : undefined;
        },
        { what: `every item of ${tenantId} to be closed`, deadlineMs },
      );
    },
  };
}
