import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStore } from '@ultracore/embedded-eventstore';
import { createCommandHandler, eventId, type EventStore } from '@ultracore/event-sourcing';
import { createEventStoreDb } from '@ultracore/eventstoredb';
import { createPool } from '@ultracore/postgres';
import { freshDatabase, testStack, waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { onTestFinished } from 'vitest';
import { v4 } from 'uuid';
import { createTenantProjector, type TenantProjector } from '../src/readmodel/projector.ts';
import { TENANT_COLUMNS, toReadModelRow } from '../src/readmodel/tenants.ts';
import { migrateRegistry } from '../src/store/schema.ts';
import { streamOf, tenantCodec } from '../src/tenant/codec.ts';
import { tenantDecider } from '../src/tenant/decider.ts';
import type { TenantCommand } from '../src/tenant/commands.ts';
import type { TenantFact } from '../src/tenant/facts.ts';
import { logger } from './app.ts';
import { createCommand, factsOf } from './tenant/examples.ts';

export interface Backends extends AsyncDisposable {
  readonly store: EventStore;
  readonly pool: Pool;
}

/** An event store and a database of one's own, migrated: whoever follows the shared store sees nothing of these tests. */
export async function openBackends(): Promise<Backends> {
  const database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'registry-test', logger });
  await migrateRegistry(pool);
  const dataDir = mkdtempSync(join(tmpdir(), 'registry-events-'));
  const server = await startEventStore({ port: 0, dataDir });
  const store = createEventStoreDb({ connectionString: server.url });
  return {
    store,
    pool,
    async [Symbol.asyncDispose]() {
      await store.stop();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
      await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A projector that is stopped at the end of the test. */
export function startProjector(
  { pool, store }: Pick<Backends, 'pool' | 'store'>,
  holder = 'one',
  onBoundary: (name: string) => void = () => undefined,
): TenantProjector {
  const projector = createTenantProjector({ pool, store, holder, leaseTtlMs: 1_000, logger, onBoundary });
  projector.start();
  onTestFinished(() => projector.stop());
  return projector;
}

let made = 0;
/** An id that no other test has: Kafka is shared by all. */
export const freshTenantId = (): string => `reg-${v4().slice(0, 13)}-${(made += 1)}`;

/** Gives tenants a history, as commands and facts would. */
export function createHistory(store: EventStore) {
  const { handle, load } = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 1000 });
  const say = async (tenantId: string, fact: TenantFact, now = new Date()): Promise<void> => {
    const id = eventId(fact.data.requestId, fact.type);
    const metadata = { actor: '/ultracore/provisioning-worker', causationId: fact.data.requestId };
    await handle(
      streamOf(tenantId),
      { type: 'RecordFact', fact, now: now.toISOString() },
      { requestId: id, firstEventId: id, metadata },
    );
  };
  return {
    say,
    load,
    /** Any command, as a request of its own. */
    async decide(tenantId: string, command: TenantCommand): Promise<void> {
      await handle(streamOf(tenantId), command, { requestId: v4(), metadata: { actor: 'op-1' } });
    },
    /** What happened, and by whom. */
    async events(tenantId: string): Promise<{ type: string; id: string; actor: string | undefined }[]> {
      const { events } = await store.readStream(streamOf(tenantId));
      return events.map(({ type, id, metadata }) => ({ type, id, actor: metadata.actor }));
    },
    /** The id of the request for a home. */
    async create(tenantId: string, more: Partial<typeof createCommand> = {}): Promise<string> {
      const requestId = v4();
      const provision = eventId(requestId, 0);
      const command = { ...createCommand, now: new Date().toISOString(), ...more, tenantId, requestId: provision };
      await handle(streamOf(tenantId), command, { requestId, assumeNew: true, metadata: { actor: 'op-1' } });
      return provision;
    },
    async activate(tenantId: string, requestId: string, now = new Date()): Promise<void> {
      const { started, issued, schema, migrated } = factsOf(requestId);
      for (const fact of [started, issued, schema, migrated]) await say(tenantId, fact, now);
    },
    /** What the read model must hold of a tenant. */
    async row(tenantId: string) {
      const { state } = await load(streamOf(tenantId));
      return state.status === 'none' ? undefined : toReadModelRow(state);
    },
  };
}

/** The rows of some tenants as they are stored, times as text, in the order of ids. */
export async function storedRows(pool: Pool, tenantIds: readonly string[]) {
  const times = ['created_at', 'updated_at'].map((name) => `to_char(${name}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${name}`);
  const decimals = ['max_cpu_percent', 'max_memory_mb', 'max_storage_gb'].map((name) => `${name}::float8 as ${name}`);
  const result = await pool.query(
    `select ${TENANT_COLUMNS.map((name) => `configs.${name}`).join(', ')}, master_password_hash, revision::int, life,
            to_char(purge_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as purge_from,
            to_char(password_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as password_since,
            to_char(rotate_not_before at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as rotate_not_before,
            to_char(drift_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as drift_since, migration_version, migrating,
            ${[...times, ...decimals].join(', ')}
     from tenant_configs configs join tenant_revisions using (tenant_id)
     where tenant_id = any($1) order by tenant_id`,
    [tenantIds],
  );
  return result.rows;
}

/** Resolves when the rows of some tenants show all that has happened to them up to now. */
export async function untilProjected(
  { pool }: Pick<Backends, 'pool'>,
  history: ReturnType<typeof createHistory>,
  ids: readonly string[],
): Promise<void> {
  const wanted = await Promise.all(ids.map((id) => history.row(id)));
  await waitFor(
    async () => {
      const rows = await storedRows(pool, ids);
      return wanted.every((row) =>
        rows.some((stored) => stored.tenant_id === row?.tenant_id && stored.revision === row?.revision),
      );
    },
    { what: 'the rows to be up to date' },
  );
}
