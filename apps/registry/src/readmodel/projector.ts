import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { createCheckpoint, transaction, type PoolLogger } from '@ultracore/postgres';
import type { Pool } from 'pg';
import type { BoundaryName } from '../boundaries.ts';
import { createLag } from '../store/lag.ts';
import { createLeasedWork, type LeasedWork, type UnderLease } from '../store/leased-work.ts';
import { createPace } from '../store/pace.ts';
import { CHECKPOINTS, LEASES, SCHEMA } from '../store/schema.ts';
import { createTenantFolds } from '../store/tenant-folds.ts';
import { ROLLOUT_STREAMS } from '../rollout/codec.ts';
import { TENANT_STREAMS } from '../tenant/codec.ts';
import type { ExistingTenant } from '../tenant/state.ts';
import { changesOf } from './rollout-changes.ts';
import { applyChanges } from './rollouts.ts';
import { toReadModelRow, writeTenants } from './tenants.ts';

export interface TenantProjector extends LeasedWork {
  /** Age of the oldest event that is read and not in the rows, in seconds; 0 in a registry that follows another. */
  readonly lagSeconds: () => number;
}

const FOLDS_KEPT = 20_000;
/** Far below the 50 ms in which a list shall show what happened. */
const PACE = { everyMs: 20, few: 8, many: 300 };

/**
 * Keeps `tenant_configs`, and how the tenants of rollouts stand, in step with the streams. Rows and checkpoint move in one transaction, so a kill at any moment loses
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
  const { pool, store, onBoundary } = deps;
  const checkpoint = createCheckpoint(SCHEMA);
  const lag = createLag();

  const project = async ({ signal, onWorking }: UnderLease): Promise<void> => {
    const pace = createPace(PACE);
    const folds = createTenantFolds({ store, maxTenants: FOLDS_KEPT });
    const after = await checkpoint.get(pool, CHECKPOINTS.tenants);
    lag.reset();
    const onEvents = async (events: readonly StoredEvent[], position: bigint): Promise<void> => {
      lag.met(events);
      pace.begin(events.length);
      const ofTenants = events.filter(({ streamName }) => streamName.startsWith(TENANT_STREAMS));
      const states = await folds.advance(ofTenants, { firstIsNew: true });
      const rows = [...states.values()].map(toReadModelRow);
      const changes = changesOf(events).filter((change) => change.change !== 'ended' || !endsCreation(change, states));
      onBoundary('projector:commit:before');
      if (changes.length === 0) await writeTenants(pool, rows, position);
      else {
        await transaction(pool, async (client) => {
          await applyChanges(client, changes);
          await writeTenants(client, rows, position);
        });
      }
      onBoundary('projector:commit:after');
      lag.done(position);
      onWorking();
      await pace.next(0, signal);
    };
    const subscription = store.subscribeToAll({
      ...(after === null ? {} : { after }),
      streamPrefixes: [TENANT_STREAMS, ROLLOUT_STREAMS],
      onEvents,
      onCheckpoint: (position) => checkpoint.set(pool, CHECKPOINTS.tenants, position),
      onCaughtUp: onWorking,
      signal,
    });
    await subscription.done;
  };

  const leased = createLeasedWork({ ...deps, name: LEASES.tenants, what: 'the projector', work: project });
  return { ...leased, lagSeconds: () => (leased.active() || leased.fault() !== undefined ? lag.seconds() : 0) };
}

/** Of no interest to any rollout, and far more frequent than what is. */
const endsCreation = (
  { tenantId, requestId }: { readonly tenantId: string; readonly requestId: string },
  states: ReadonlyMap<string, ExistingTenant>,
): boolean => states.get(tenantId)?.provision.id === requestId;
