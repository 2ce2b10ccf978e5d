import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { transaction } from '@ultracore/postgres';
import type { Pool, PoolClient } from 'pg';
import { ROLLOUT_STREAMS } from '../rollout/codec.ts';
import { tenantCodec, TENANT_STREAMS } from '../tenant/codec.ts';
import { evolve, initialState } from '../tenant/evolve.ts';
import type { ExistingTenant, TenantState } from '../tenant/state.ts';
import { changesOf, type Change } from './rollout-changes.ts';
import { applyChanges, forgetRollouts } from './rollouts.ts';
import { copyIntoShadow, createShadow, indexShadow, swapShadow } from './shadow-table.ts';
import { REVISION_COLUMNS, TENANT_COLUMNS, toReadModelRow, toRevisionRow, writeTenants } from './tenants.ts';

export interface Rebuilt {
  readonly rows: number;
  readonly events: number;
  /** Milliseconds in all, and those of them in which the projector waited. */
  readonly ms: number;
  readonly lockedMs: number;
}

export interface RebuildOptions {
  readonly pool: Pool;
  readonly store: EventStore;
  /** For how long the projector may be kept out while the last events are read, in milliseconds; 30 s when left out. */
  readonly lockedForMs?: number;
}

const LOCKED_FOR_MS = 30_000;
const TOO_SLOW =
  'the last events could not be read in time, so the rebuild was given up and the table is as it was: try again once the event store answers';

/**
 * Makes the read model anew from the streams alone: folds the log in memory, copies the rows into shadow tables, swaps them in; what is
 * kept of rollouts is applied anew beside it. Safe
 * while registries run: the projector waits during the swap, and what happened while the rows were copied is in the new tables too.
 * Rejects, with everything as it was, when the last events cannot be read in time.
 */
export async function rebuildTenants({ pool, store, lockedForMs = LOCKED_FOR_MS }: RebuildOptions): Promise<Rebuilt> {
  const startedAt = performance.now();
  const log = createFoldedLog(store);
  await log.catchUp();
  // One transaction: a killed rebuild leaves nothing behind. It locks out the projector, and readers for a moment, only at its end.
  return transaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('ultracore rebuild tenant_configs', 0))");
    await fillShadows(client, log.takeChanged());
    const lockedAt = performance.now();
    // The session waits inside the transaction while the log is read.
    await client.query(`select set_config('idle_in_transaction_session_timeout', $1, true)`, [String(2 * lockedForMs)]);
    // Keeps the projector out, and lets readers in. In the projector's order: should they meet, one waits for the other.
    await client.query('lock table rollouts, rollout_tenants, tenant_configs, tenant_revisions in share row exclusive mode');
    // An event store that is away would keep the projector out for as long as it is.
    await log.catchUp(AbortSignal.timeout(lockedForMs));
    await forgetRollouts(client);
    await applyChanges(client, log.changes());
    await swapShadow(client, 'tenant_configs');
    await swapShadow(client, 'tenant_revisions');
    await writeTenants(client, log.takeChanged().map(toReadModelRow), log.position() ?? null);
    const now = performance.now();
    return { rows: log.tenants(), events: log.events(), ms: now - startedAt, lockedMs: now - lockedAt };
  });
}

async function fillShadows(client: PoolClient, tenants: readonly ExistingTenant[]): Promise<void> {
  await createShadow(client, 'tenant_configs');
  await createShadow(client, 'tenant_revisions');
  await copyIntoShadow(client, 'tenant_configs', TENANT_COLUMNS, mapped(tenants, toReadModelRow));
  await copyIntoShadow(client, 'tenant_revisions', REVISION_COLUMNS, mapped(tenants, toRevisionRow));
  await indexShadow(client, 'tenant_configs');
  await indexShadow(client, 'tenant_revisions');
}

/** One at a time: all rows at once would be as large as all that was read. */
function* mapped<From, To>(values: Iterable<From>, map: (value: From) => To): Generator<To> {
  for (const value of values) yield map(value);
}

interface Fold {
  state: TenantState;
  /** Since the changed tenants were last taken. */
  isChanged: boolean;
}

/** Every tenant's fold, from the log's beginning to wherever it was last caught up with. */
function createFoldedLog(store: EventStore) {
  const folds = new Map<string, Fold>();
  let changed: Fold[] = [];
  let position: bigint | undefined;
  let events = 0;
  const changes: Change[] = [];
  const asked = new Set<string>();

  /** Of migrations that ended only those that were asked for: each creation ends one, too. */
  const remember = (change: Change): void => {
    if (change.change === 'asked') asked.add(change.requestId);
    if (change.change !== 'ended' || asked.has(change.requestId)) changes.push(change);
  };

  const foldIn = (stored: StoredEvent): void => {
    changesOf([stored]).forEach(remember);
    if (stored.streamName.startsWith(ROLLOUT_STREAMS)) return;
    let fold = folds.get(stored.streamName);
    if (!fold) {
      fold = { state: initialState(), isChanged: false };
      folds.set(stored.streamName, fold);
    }
    fold.state = evolve(fold.state, tenantCodec.decode(stored));
    if (fold.isChanged) return;
    fold.isChanged = true;
    changed.push(fold);
  };

  return {
    position: () => position,
    /** What all events say of rollouts, in the order of the log. */
    changes: () => changes,
    tenants: () => folds.size,
    events: () => events,
    /** Reads to the end of the log. Rejects when that is not reached before `deadline` is aborted. */
    async catchUp(deadline?: AbortSignal): Promise<void> {
      let caughtUp = false;
      const ending = new AbortController();
      const subscription = store.subscribeToAll({
        ...(position === undefined ? {} : { after: position }),
        streamPrefixes: [TENANT_STREAMS, ROLLOUT_STREAMS],
        onEvents: (batch, last) => {
          batch.forEach(foldIn);
          events += batch.length;
          position = last;
          return Promise.resolve();
        },
        onCheckpoint: (scanned) => {
          position = scanned;
        },
        onCaughtUp: () => {
          caughtUp = true;
          ending.abort();
        },
        signal: deadline ? AbortSignal.any([ending.signal, deadline]) : ending.signal,
      });
      await subscription.done;
      if (!caughtUp) throw new Error(TOO_SLOW);
    },
    /** Those tenants that changed since this was last asked. */
    takeChanged(): ExistingTenant[] {
      const taken = changed;
      changed = [];
      return taken.flatMap((fold) => {
        fold.isChanged = false;
        return fold.state.status === 'none' ? [] : [fold.state];
      });
    },
  };
}
