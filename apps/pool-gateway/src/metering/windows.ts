import type { MessageOf } from '@ultracore/contracts';
import { noUsage, type Meter, type PoolUsage, type Usage } from './usage.ts';

export type UsageEvent = MessageOf<'TenantResourceUsageRecordedEvent'>;

/** What a tenant's pools have used since they exist; undefined for a tenant that has none. With each look the peak begins anew. */
export type PoolOf = (tenantId: string) => PoolUsage | undefined;

export interface UsageWindows extends Meter {
  /**
   * Ends the window and begins the next: one event for each tenant that used anything in it. What was counted is in exactly one event. Pools are
   * asked only of tenants that had requests in it, or connections at its beginning.
   */
  cut(now: Date, poolOf: PoolOf): UsageEvent[];
  /** Takes over what a tenant's pools have used that are gone, and what they still use until the last of their connections is closed. */
  settle(tenantId: string, look: (() => PoolUsage) | undefined): void;
}

export interface WindowOptions {
  /** Name of this meter. */
  readonly meter: string;
  readonly start: Date;
  readonly newId: () => string;
}

/** Pools that are gone, with connections that are not. */
interface Leaving {
  readonly tenantId: string;
  readonly look: () => PoolUsage;
  last: PoolUsage;
}

const NO_POOL: PoolUsage = { busyMs: 0, queuedMs: 0, connectionMs: 0, connections: 0, peak: 0 };

export function createUsageWindows({ meter, start, newId }: WindowOptions): UsageWindows {
  let windowStart = start;
  let counters = new Map<string, Usage>();
  /** What pools had used when they were last looked at. */
  const base = new Map<string, PoolUsage>();
  /** What pools that are gone have used in it. */
  let settled = new Map<string, PoolUsage>();
  let leaving: Leaving[] = [];

  const sinceLast = (tenantId: string, pool: PoolUsage | undefined): PoolUsage => {
    if (pool === undefined) return NO_POOL;
    const added = since(pool, base.get(tenantId));
    base.set(tenantId, pool);
    return added;
  };

  const settleMore = (tenantId: string, more: PoolUsage): void => {
    settled.set(tenantId, plus(more, settled.get(tenantId)));
  };

  const lookAtLeaving = (): void => {
    for (const each of leaving) {
      const { tenantId, look, last } = each;
      each.last = look();
      settleMore(tenantId, { ...since(each.last, last), peak: last.connections });
    }
    leaving = leaving.filter(({ last }) => last.connections > 0);
  };

  return {
    of(tenantId) {
      let usage = counters.get(tenantId);
      if (!usage) counters.set(tenantId, (usage = noUsage()));
      return usage;
    },
    settle(tenantId, look) {
      if (look === undefined) return;
      const last = look();
      settleMore(tenantId, since(last, base.get(tenantId)));
      base.delete(tenantId);
      leaving.push({ tenantId, look, last });
    },
    cut(now, poolOf) {
      lookAtLeaving();
      const ended = { counters, settled, start: windowStart };
      counters = new Map();
      settled = new Map();
      windowStart = now;
      const connected = [...base].flatMap(([tenantId, { connections }]) => (connections > 0 ? [tenantId] : []));
      const events: UsageEvent[] = [];
      for (const tenantId of new Set([...ended.counters.keys(), ...ended.settled.keys(), ...connected])) {
        const used = ended.counters.get(tenantId) ?? noUsage();
        const pool = plus(sinceLast(tenantId, poolOf(tenantId)), ended.settled.get(tenantId));
        if (isNothing(used) && isNothing(pool)) continue;
        events.push({
          event_id: newId(),
          tenant_id: tenantId,
          meter,
          window_start: ended.start.toISOString(),
          recorded_at: now.toISOString(),
          connection_count: pool.peak,
          query_count: used.statements,
          error_count: used.errors,
          throttled_count: used.throttled,
          row_count: used.rows,
          bytes_in: used.bytesIn,
          bytes_out: used.bytesOut,
          busy_seconds: pool.busyMs / 1000,
          connection_seconds: pool.connectionMs / 1000,
          queue_seconds: pool.queuedMs / 1000,
        });
      }
      return events;
    },
  };
}

const isNothing = (amounts: Usage | PoolUsage): boolean => Object.values(amounts).every((amount) => amount === 0);

const plus = (a: PoolUsage, b: PoolUsage = NO_POOL): PoolUsage => ({
  busyMs: a.busyMs + b.busyMs,
  queuedMs: a.queuedMs + b.queuedMs,
  connectionMs: a.connectionMs + b.connectionMs,
  connections: a.connections + b.connections,
  peak: Math.max(a.peak, b.peak),
});

/** What was added between two looks at the same pools. */
const since = (now: PoolUsage, before: PoolUsage = NO_POOL): PoolUsage => ({
  busyMs: now.busyMs - before.busyMs,
  queuedMs: now.queuedMs - before.queuedMs,
  connectionMs: now.connectionMs - before.connectionMs,
  connections: now.connections,
  peak: now.peak,
});
