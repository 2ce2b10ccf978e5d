import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { createCheckpoint, createLease, holdLease, transaction, type PoolLogger } from '@ultracore/postgres';
import type { Pool } from 'pg';
import { CHECKPOINTS, LEASES, SCHEMA } from '../store/schema.ts';
import { createTenantFolds } from '../store/tenant-folds.ts';
import { TENANT_STREAMS } from '../tenant/codec.ts';
import { toReadModelRow, upsertTenants } from './tenants.ts';

export interface TenantProjector {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** True in the one registry that projects. */
  readonly active: () => boolean;
}

const FOLDS_KEPT = 20_000;

/**
 * Keeps `tenant_configs` in step with the tenants' streams. Rows and checkpoint move in one transaction, so a kill at any moment loses
 * and doubles nothing. Of several registries one projects, under a lease; what a second one wrote by mistake could only be newer rows.
 */
export function createTenantProjector(deps: {
  pool: Pool;
  store: EventStore;
  /** Identifies this process. */
  holder: string;
  leaseTtlMs: number;
  logger: PoolLogger;
  onBoundary: (name: string) => void;
}): TenantProjector {
  const { pool, store, logger, onBoundary } = deps;
  const checkpoint = createCheckpoint(SCHEMA);
  const lease = createLease(pool, { schema: SCHEMA, name: LEASES.tenants, holder: deps.holder, ttlMs: deps.leaseTtlMs });

  const project = async (signal: AbortSignal): Promise<void> => {
    const folds = createTenantFolds({ store, maxTenants: FOLDS_KEPT });
    const after = await checkpoint.get(pool, CHECKPOINTS.tenants);
    const onEvents = async (events: readonly StoredEvent[], position: bigint): Promise<void> => {
      const states = await folds.advance(events, { firstIsNew: true });
      await transaction(pool, async (client) => {
        // First, because a rebuild holds this row while it puts a new table in place.
        await checkpoint.set(client, CHECKPOINTS.tenants, position);
        await upsertTenants(client, [...states.values()].map(toReadModelRow));
        onBoundary('projector:commit:before');
      });
      onBoundary('projector:commit:after');
    };
    const subscription = store.subscribeToAll({
      ...(after === null ? {} : { after }),
      streamPrefixes: [TENANT_STREAMS],
      onEvents,
      onCheckpoint: (position) => checkpoint.set(pool, CHECKPOINTS.tenants, position),
      signal,
    });
    await subscription.done;
  };

  const holding = holdLease({ lease, work: (_token, signal) => project(signal), logger });
  return { start: () => holding.start(), stop: () => holding.stop(), active: () => holding.holding() };
}
