import { type Percentiles, WaitTimes } from '../scheduling/wait-times.ts';

/** What one role of a tenant has done since it was registered. Outlives the role's pool, which is forgotten while nobody uses it. */
export class RoleCounters {
  readonly waits: WaitTimes;
  hits = 0;
  misses = 0;
  opened = 0;
  closed = 0;
  statements = 0;
  errors = 0;
  refused = 0;
  busyMs = 0;
  waitMs = 0;
  connectionMs = 0;

  constructor(now: number) {
    this.waits = new WaitTimes(now);
  }

  /** A request has waited so long for a connection, and got one or gave up. */
  waited(ms: number, now: number): void {
    this.waits.record(ms, now);
    this.waitMs += ms;
  }
}

/** Counts since the tenant was registered, for metering. */
export interface Usage {
  /** Statements, and connections lent out, that ended. */
  readonly statements: number;
  readonly errors: number;
  /** Requests that never got a connection: queue full, deadline, given up, tenant removed. */
  readonly refused: number;
  /** Time that statements ran, and that connections were lent out, summed over the tenant's connections. */
  readonly busyMs: number;
  /** Time that requests waited for a connection, also in vain. */
  readonly waitMs: number;
  /** Time that connections were open, summed. */
  readonly connectionMs: number;
}

export interface TenantUsage extends Usage {
  /** Connections at this moment. */
  readonly connections: number;
  /** The most connections there were at one time since it was registered, or since `resetPeak`. */
  readonly peakTotal: number;
}

export interface RoleStats {
  /** Open connections, and those being opened or closed. */
  readonly total: number;
  readonly idle: number;
  readonly inUse: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Requests that found an open connection, and those for which one had to be opened. */
  readonly hits: number;
  readonly misses: number;
  readonly opened: number;
  readonly closed: number;
  /** Of the last one to two minutes, also of requests that waited in vain. */
  readonly waitMs: Percentiles;
}

export interface TenantPoolStats extends RoleStats {
  readonly tenantId: string;
  readonly min: number;
  readonly max: number;
  /** The most connections there were at one time since it was registered, or since `resetPeak`. */
  readonly peakTotal: number;
  readonly roles: { readonly primary: RoleStats; readonly replica: RoleStats };
  readonly usage: Usage;
}

export interface ServerStats {
  readonly host: string;
  readonly port: number;
  readonly budget: number;
  /** Connections open, being opened or being closed. Never more than the budget. */
  readonly used: number;
  /** Tenants that wait for a connection. */
  readonly waitingTenants: number;
  /** Why it cannot be reached, while it cannot. */
  readonly failure?: string | undefined;
}

export interface ManagerStats extends RoleStats {
  readonly tenants: number;
  readonly servers: readonly ServerStats[];
  readonly usage: Usage;
}
