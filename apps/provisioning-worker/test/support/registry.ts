import { randomUUID } from 'node:crypto';
import { TIER_DEFAULTS, type DirectoryRow, type Tier } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { recordRow } from '../../src/store/directory.ts';
import type { WorkKind } from '../../src/provisioning/situation.ts';
import { recordRequest } from '../../src/store/items.ts';
import { credentialOf, factOf } from './facts.ts';
import { toldFacts, type ToldFact } from './told.ts';

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
  /** A request of another kind: its event, and the row that shows it with what else it changes. Answers its id. */
  request(kind: Exclude<WorkKind, 'provision'>, changed?: Partial<DirectoryRow>, details?: object): Promise<string>;
  /** Plays the registry for such a request until it has an end, and answers the fact that ended it. */
  settle(kind: Exclude<WorkKind, 'provision'>, deadlineMs?: number): Promise<ToldFact>;
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

  const record = (requestId: string, kind: WorkKind, details: object = {}): Promise<boolean> =>
    recordRequest(pool, {
      requestId,
      tenantId,
      kind,
      revision: row.revision,
      details,
      correlationId: undefined,
      traceparent: undefined,
    });

  async function settle(kind: Exclude<WorkKind, 'provision'>, deadlineMs = 20_000): Promise<ToldFact> {
    const request = row.requests[kind];
    if (request === null) throw new Error(`Nothing of kind ${kind} was asked.`);
    const { id } = request;
    const told = (types: readonly string[]) => factOf(pool, { tenantId, requestId: id, types, deadlineMs });
    const end = (outcome: 'done' | 'failed', changed: Partial<DirectoryRow>) =>
      change({ ...changed, requests: { ...row.requests, [kind]: { id, outcome } } });
    const { done, failed } = ENDS[kind];
    if (kind === 'rotate') {
      const first = await told(['TenantCredentialsIssuedEvent', failed]);
      if (first.type !== failed) await change({ next_credential: credentialOf(first) });
    }
    const last = await told([done, failed]);
    if (last.type === failed) await end('failed', { next_credential: null, target_migration_version: null });
    else await end('done', afterDone(kind, last));
    return last;
  }

  async function ask(attempt: number): Promise<void> {
    const requestId = randomUUID();
    const provision = { id: requestId, outcome: 'open', attempt } as const;
    await change({ status: 'provisioning', requests: { ...row.requests, provision } });
    await record(requestId, 'provision');
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
    async request(kind, changed = {}, details = {}) {
      const id = randomUUID();
      await change({ ...changed, requests: { ...row.requests, [kind]: { id, outcome: 'open' } } });
      await record(id, kind, details);
      return id;
    },
    settle,
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
      const issued = await factOf(pool, { tenantId, requestId: id, types: ['TenantCredentialsIssuedEvent'], deadlineMs });
      await end('done', { status: 'active', home_request_id: id, credential: credentialOf(issued) });
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

/** How a request of each kind ends. */
const ENDS = {
  rotate: { done: 'TenantPasswordRotatedEvent', failed: 'TenantPasswordRotationFailedEvent' },
  purge: { done: 'TenantDataPurgedEvent', failed: 'TenantPurgeFailedEvent' },
  migrate: { done: 'TenantMigrationsCompletedEvent', failed: 'TenantMigrationsFailedEvent' },
  verify_replica: { done: 'TenantReadReplicaVerifiedEvent', failed: 'TenantReadReplicaRejectedEvent' },
} as const;

/** What the registry's fold makes of a request that is done. */
function afterDone(kind: keyof typeof ENDS, fact: ToldFact): Partial<DirectoryRow> {
  switch (kind) {
    case 'rotate':
      return { credential: credentialOf(fact), next_credential: null };
    case 'purge':
      return { status: 'purged', home_request_id: null, credential: null, next_credential: null, grants: [] };
    case 'migrate':
      return { target_migration_version: null };
    case 'verify_replica':
      return {};
    default:
      return kind satisfies never;
  }
}
