import type { MessageOf } from '@ultracore/contracts';
import { noUsage, type Meter, type PoolUsage, type Usage } from './usage.ts';

export type UsageEvent = MessageOf<'TenantResourceUsageRecordedEvent'>;

/** What a tenant's pools have used since they exist; undefined for a tenant that has none. */
export type PoolOf = (tenantId: string) => PoolUsage | undefined;

export interface UsageWindows extends Meter {
  /**
   * Ends the window and begins the next: one event for each tenant that used anything in it. What was counted is in exactly one event. Pools are
   * asked only of tenants that had requests in it, or connections at its beginning.
   */
  cut(now: Date, poolOf: PoolOf): UsageEvent[];
  /** Takes over what a tenant's pools have used: they are about to be gone, or to begin anew. */
  settle(tenantId: string, pool: PoolUsage | undefined): void;
}

export interface WindowOptions {
  /** Name of this meter. */
  readonly meter: string;
  readonly start: Date;
  readonly newId: () => string;
}

const NO_POOL: PoolUsage = { busyMs: 0, queuedMs: 0, connectionMs: 0, connections: 0 };

export function createUsageWindows({ meter, start, newId }: WindowOptions): UsageWindows {
  let windowStart = start;
  let counters = new Map<string, Usage>();
  /** What pools had used when they were last looked at. */
  const base = new Map<string, PoolUsage>();
  /** What pools that are gone have used in it. */
  let settled = new Map<string, PoolUsage>();

  const sinceLast = (tenantId: string, pool: PoolUsage | undefined): PoolUsage => {
    if (pool === undefined) return NO_POOL;
    const added = since(pool, base.get(tenantId));
    base.set(tenantId, pool);
    return added;
  };

  return {
    of(tenantId) {
      let usage = counters.get(tenantId);
      if (!usage) counters.set(tenantId, (usage = noUsage()));
      return usage;
    },
    settle(tenantId, pool) {
      if (pool === undefined) return;
      settled.set(tenantId, plus(since(pool, base.get(tenantId)), settled.get(tenantId)));
      base.delete(tenantId);
    },
    cut(now, poolOf) {
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
          connection_count: pool.connections,
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
  connections: Math.max(a.connections, b.connections),
});

/** What was added between two looks at the same pools. */
const since = (now: PoolUsage, before: PoolUsage = NO_POOL): PoolUsage => ({
  busyMs: now.busyMs - before.busyMs,
  queuedMs: now.queuedMs - before.queuedMs,
  connectionMs: now.connectionMs - before.connectionMs,
  connections: now.connections,
});
