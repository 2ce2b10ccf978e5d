import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { createCheckpoint, createLease, holdLease, type PoolLogger } from '@ultracore/postgres';
import type { Pool } from 'pg';
import type { BoundaryName } from '../boundaries.ts';
import { createPace } from '../store/pace.ts';
import { CHECKPOINTS, LEASES, SCHEMA } from '../store/schema.ts';
import { createTenantFolds } from '../store/tenant-folds.ts';
import { TENANT_STREAMS } from '../tenant/codec.ts';
import { toReadModelRow, writeTenants } from './tenants.ts';

export interface TenantProjector {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** True in the one registry that projects. */
  readonly active: () => boolean;
}

const FOLDS_KEPT = 20_000;
/** Far below the 50 ms in which a list shall show what happened. */
const PACE = { everyMs: 20, few: 8, many: 300 };

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
  onBoundary: (name: BoundaryName) => void;
}): TenantProjector {
  const { pool, store, logger, onBoundary } = deps;
  const checkpoint = createCheckpoint(SCHEMA);
  const lease = createLease(pool, { schema: SCHEMA, name: LEASES.tenants, holder: deps.holder, ttlMs: deps.leaseTtlMs });

  const project = async (signal: AbortSignal): Promise<void> => {
    const pace = createPace(PACE);
    const folds = createTenantFolds({ store, maxTenants: FOLDS_KEPT });
    const after = await checkpoint.get(pool, CHECKPOINTS.tenants);
    const onEvents = async (events: readonly StoredEvent[], position: bigint): Promise<void> => {
      pace.begin(events.length);
      const states = await folds.advance(events, { firstIsNew: true });
      onBoundary('projector:commit:before');
      await writeTenants(pool, [...states.values()].map(toReadModelRow), position);
      onBoundary('projector:commit:after');
      await pace.next(0, signal);
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
