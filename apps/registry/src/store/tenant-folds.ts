import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { LRUCache } from 'lru-cache';
import { TENANT_STREAMS, tenantCodec, tenantOf } from '../tenant/codec.ts';
import { evolve, initialState } from '../tenant/evolve.ts';
import type { ExistingTenant, TenantState } from '../tenant/state.ts';

export interface TenantFolds {
  /**
   * The folds of the tenants these events are about, each at the last of its events or later. A tenant that is not known here yet is
   * read to the head of its stream; what is known is carried on event by event, so a fold never goes back.
   * `events` are in the order of the log. With `firstIsNew` a stream's first event stands for the whole stream: right wherever a fold of
   * that moment will do, or the log is followed live.
   */
  advance(events: readonly StoredEvent[], options: { readonly firstIsNew: boolean }): Promise<Map<string, ExistingTenant>>;
  /**
   * Reads the log from a position (from its beginning without one) to its end, so that tenants created after it are known by their heads
   * without a read each. Those that find no room are read when they are met.
   */
  preload(after: bigint | null, signal: AbortSignal): Promise<void>;
}

const READS_AT_ONCE = 16;

/** Folds of tenants kept while the log is followed, for the last `maxTenants` that something happened to. */
export function createTenantFolds({ store, maxTenants }: { store: EventStore; maxTenants: number }): TenantFolds {
  const known = new LRUCache<string, ExistingTenant>({ max: maxTenants });

  const readToHead = async (streamName: string, from: TenantState): Promise<TenantState> => {
    const fromRevision = from.status === 'none' ? 0n : BigInt(from.revision + 1);
    const { events } = await store.readStream(streamName, { fromRevision });
    return events.reduce((state, stored) => evolve(state, tenantCodec.decode(stored)), from);
  };

  const follows = (state: TenantState | undefined, event: StoredEvent): boolean =>
    state === undefined || state.status === 'none' ? event.revision === 0n : Number(event.revision) <= state.revision + 1;

  return {
    async preload(after, signal) {
      const ending = new AbortController();
      const foldIn = (stored: StoredEvent): void => {
        const state = known.get(stored.streamName);
        if (!state && (stored.revision !== 0n || known.size === maxTenants)) return;
        const next = evolve(state ?? initialState(), tenantCodec.decode(stored));
        if (next.status !== 'none') known.set(stored.streamName, next);
      };
      const subscription = store.subscribeToAll({
        ...(after === null ? {} : { after }),
        streamPrefixes: [TENANT_STREAMS],
        onEvents: (events) => {
          events.forEach(foldIn);
          return Promise.resolve();
        },
        onCaughtUp: () => ending.abort(),
        signal: AbortSignal.any([signal, ending.signal]),
      });
      await subscription.done;
    },
    async advance(events, { firstIsNew }) {
      const firsts = new Map<string, StoredEvent>();
      for (const event of events) if (!firsts.has(event.streamName)) firsts.set(event.streamName, event);
      const states = new Map<string, TenantState>();
      const unknown: string[] = [];
      for (const [streamName, first] of firsts) {
        const state = known.get(streamName);
        states.set(streamName, state ?? initialState());
        if (!follows(state, first) || (state === undefined && !firstIsNew)) unknown.push(streamName);
      }
      for (let n = 0; n < unknown.length; n += READS_AT_ONCE) {
        await Promise.all(
          unknown.slice(n, n + READS_AT_ONCE).map(async (streamName) => {
            states.set(streamName, await readToHead(streamName, states.get(streamName) ?? initialState()));
          }),
        );
      }
      for (const stored of events) {
        const state = states.get(stored.streamName) ?? initialState();
        if (state.status !== 'none' && Number(stored.revision) <= state.revision) continue;
        states.set(stored.streamName, evolve(state, tenantCodec.decode(stored)));
      }
      const folds = new Map<string, ExistingTenant>();
      for (const [streamName, state] of states) {
        if (state.status === 'none') continue;
        known.set(streamName, state);
        folds.set(tenantOf(streamName), state);
      }
      return folds;
    },
  };
}
