import { setTimeout } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { PoolError } from '../errors.ts';
import type { QueryOptions, QueryResult, Transaction, TransactionOptions } from '../library/query-options.ts';
import { assertRegistration, assertSizes, type TenantRegistration } from '../registration.ts';
import { percentilesOf } from '../scheduling/wait-times.ts';
import type { PoolContext, PoolLogger } from './context.ts';
import type { ManagerStats, RoleStats, TenantPoolStats, TenantUsage, Usage } from './counters.ts';
import { ROLES } from './login-pools.ts';
import { ServerBudget } from './server-budget.ts';
import { TenantPool } from './tenant-pool.ts';
import { Tenant } from './tenant.ts';
import { Ticker } from './ticker.ts';
import { MAINTENANCE_MS, WARM_RESERVE } from './tuning.ts';

export interface TenantConnectionPoolManagerOptions {
  /** Connections to that server at most, over all tenants of this process. Asked once for each server. */
  readonly serverBudgets: (host: string, port: number) => number;
  readonly applicationName: string;
  /** Set on every connection, beside the deadline that the manager itself keeps. Default 30 s. */
  readonly statementTimeoutMs?: number | undefined;
  /** Settings of every session, beside and before those that it begins with. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly tls?: ConnectionOptions | undefined;
  /** A longer row fails its statement, and is never held in memory. Default 64 MiB. */
  readonly maxRowBytes?: number | undefined;
  /** The directory of a server's Unix socket, where there is one. */
  readonly socketDirectory?: ((host: string, port: number) => string | undefined) | undefined;
  /** Whom a call means that names no tenant. */
  readonly currentTenant?: (() => string | undefined) | undefined;
  /** Requests of one tenant that may wait. Default 1,000. */
  readonly maxQueued?: number | undefined;
  readonly logger?: PoolLogger | undefined;
  /** A replica that is further behind gets no reads. Default 5 s. */
  readonly replicaMaxLagMs?: number | undefined;
}

const DEFAULT_STATEMENT_TIMEOUT_MS = 30_000;
const CLOSE_GRACE_MS = 5_000;
const CLOSE_LOOK_MS = 10;
/** How long what was cancelled at the end has before its connection is dropped. */
const CLOSE_DROP_MS = 5_000;

/**
 * Connections of many tenants from one process: each belongs to one login of one tenant for its whole life, and all together never exceed the budget
 * of their server. Pools open on first use and are forgotten when nobody uses them; a registered tenant that is idle has no connection.
 */
export class TenantConnectionPoolManager {
  readonly #options: TenantConnectionPoolManagerOptions;
  readonly #ticker = new Ticker();
  readonly #context: PoolContext;
  readonly #tenants = new Map<string, Tenant>();
  /** Tenants with pools, removed ones too until their connections are closed. */
  readonly #active = new Set<Tenant>();
  readonly #servers = new Map<string, ServerBudget>();
  #maintenance: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(options: TenantConnectionPoolManagerOptions) {
    this.#options = options;
    this.#context = {
      ticker: this.#ticker,
      logger: options.logger,
      maxQueued: options.maxQueued ?? 1_000,
      replicaMaxLagMs: options.replicaMaxLagMs ?? 5_000,
      connection: {
        applicationName: options.applicationName,
        settings: {
          statement_timeout: String(this.#statementTimeoutMs),
          client_connection_check_interval: '1s',
          ...options.settings,
        },
        tls: options.tls,
        maxRowBytes: options.maxRowBytes,
        socketDirectory: options.socketDirectory ?? (() => undefined),
      },
      keepUp: (tenant) => {
        this.#active.add(tenant);
        this.#maintenance ??= setInterval(() => this.#maintain(), MAINTENANCE_MS).unref();
      },
    };
  }

  /**
   * Makes a tenant known, or changes what is known of it, with effect at once: connections of another login, database or server, or with other settings
   * or memory, are closed when they come free; a login that was refused tries the new passwords; open connections outlive a changed password.
   * @throws PoolError `pool_invalid`, `closed`.
   */
  registerTenant(registration: TenantRegistration): void {
    if (this.#closed) throw closed();
    assertRegistration(registration);
    const known = this.#tenants.get(registration.tenantId);
    if (known !== undefined) return known.update(registration);
    const tenant = new Tenant(registration, this.#context, (host, port) => this.#server(host, port));
    this.#tenants.set(registration.tenantId, tenant);
  }

  /**
   * Ends a tenant: what waits fails with `tenant_removed`, what runs is cancelled and told the same, its connections are closed. Answers what there is to
   * learn from then on of what it has used, until `connections` is 0; undefined for a tenant that is not known.
   */
  removeTenant(tenantId: string, reason: string): (() => TenantUsage) | undefined {
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) return undefined;
    this.#tenants.delete(tenantId);
    tenant.remove(new PoolError('tenant_removed', `Tenant ${tenantId} was removed: ${reason}.`));
    return () => usageOf(tenant);
  }

  hasTenant(tenantId: string): boolean {
    return !this.#closed && this.#tenants.has(tenantId);
  }

  /**
   * The pool of a tenant, of the current one when none is named. Nothing is opened by asking.
   * @throws PoolError `unknown_tenant`, `closed`.
   */
  getPool(tenantId?: string, options?: { readonly readonly?: boolean | undefined }): TenantPool {
    const tenant = this.#tenant(tenantId);
    return new TenantPool(tenant, options?.readonly === true ? 'readonly' : 'readwrite', this.#statementTimeoutMs);
  }

  /** `getPool(…).query(…)`. */
  async query<Row = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
    options?: QueryOptions & { readonly tenantId?: string | undefined; readonly readonly?: boolean | undefined },
  ): Promise<QueryResult<Row>> {
    return this.getPool(options?.tenantId, options).query<Row>(text, params, options);
  }

  /** `getPool(…).transaction(…)`. */
  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options?: TransactionOptions & { readonly tenantId?: string | undefined; readonly readonly?: boolean | undefined },
  ): Promise<T> {
    return this.getPool(options?.tenantId, options).transaction(work, options);
  }

  /** Changes how many connections a tenant may have; those too many are closed when they come free. @throws PoolError `unknown_tenant`, `pool_invalid`. */
  resizePool(tenantId: string, sizes: { readonly minConnections: number; readonly maxConnections: number }): void {
    const tenant = this.#tenant(tenantId);
    const { minConnections, maxConnections } = sizes;
    assertSizes({ tenantId, minConnections, maxConnections });
    tenant.update({ ...tenant.registration, minConnections, maxConnections });
  }

  getPoolStats(): ManagerStats;
  getPoolStats(tenantId: string): TenantPoolStats;
  getPoolStats(tenantId?: string): ManagerStats | TenantPoolStats {
    const now = performance.now();
    if (tenantId !== undefined) return this.#tenant(tenantId).stats(now);
    const tenants = [...this.#tenants.values()];
    return {
      tenants: tenants.length,
      servers: [...this.#servers.values()].map((server) => server.stats(now)),
      ...sumOfRoles(tenants, now),
      usage: sumOfUsage(tenants, now),
    };
  }

  /** What a tenant has used since it was registered, and what it has open now; also after `close`. @throws PoolError `unknown_tenant`. */
  usageOf(tenantId: string): TenantUsage {
    return usageOf(this.#known(tenantId));
  }

  /** From now on `peakTotal` is of what comes; it begins with what there is. @throws PoolError `unknown_tenant`. */
  resetPeak(tenantId: string): void {
    const tenant = this.#known(tenantId);
    tenant.peak = tenant.held;
  }

  /** Connections, opening and closing ones too, and waiting requests of all tenants. Costs next to nothing, unlike the statistics of thousands. */
  totals(): { readonly connections: number; readonly waiting: number } {
    let connections = 0;
    let waiting = 0;
    for (const tenant of this.#active) {
      connections += tenant.held;
      waiting += tenant.waiting;
    }
    return { connections, waiting };
  }

  /** Why the manager cannot serve as it should; undefined when it can. */
  health(): string | undefined {
    if (this.#closed) return 'The pools are closed.';
    const now = performance.now();
    const failing = [...this.#servers.values()].flatMap((server) => {
      const failure = server.logins.failure(now);
      return failure === undefined ? [] : [`${server.host}:${server.port}: ${failure.message}`];
    });
    return failing.length === 0 ? undefined : failing.join(' ');
  }

  /**
   * Takes nothing new, fails what waits with `closed`, lets what runs end, at most `graceMs` (5 s), then cancels it, and drops 5 s later what is still there.
   * Resolves when no connection is open.
   */
  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    this.#closed = true;
    for (const tenant of this.#tenants.values()) tenant.drain(closed());
    let cancelAt = performance.now() + graceMs;
    const dropAt = cancelAt + CLOSE_DROP_MS;
    for (let open = this.#withConnections(); open.length > 0; open = this.#withConnections()) {
      if (performance.now() >= cancelAt) {
        for (const tenant of open) tenant.remove(closed(), true);
        cancelAt = Number.POSITIVE_INFINITY;
      }
      if (performance.now() >= dropAt) for (const tenant of open) tenant.drop();
      await setTimeout(CLOSE_LOOK_MS);
    }
    this.#active.clear();
    clearInterval(this.#maintenance);
    this.#maintenance = undefined;
    this.#ticker.stop();
  }

  get #statementTimeoutMs(): number {
    return this.#options.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS;
  }

  #tenant(named: string | undefined): Tenant {
    if (this.#closed) throw closed();
    const tenantId = named ?? this.#options.currentTenant?.();
    if (tenantId === undefined) throw new PoolError('unknown_tenant', 'No tenant was named, and there is no current one.');
    return this.#known(tenantId);
  }

  #known(tenantId: string): Tenant {
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) throw new PoolError('unknown_tenant', `Tenant ${tenantId} is not registered.`);
    return tenant;
  }

  #server(host: string, port: number): ServerBudget {
    const key = `${host}:${port}`;
    const known = this.#servers.get(key);
    if (known !== undefined) return known;
    const server = new ServerBudget(host, port, this.#options.serverBudgets(host, port), this.#ticker);
    this.#servers.set(key, server);
    return server;
  }

  #maintain(): void {
    const now = performance.now();
    const mayWarm = (server: ServerBudget): boolean => server.spare(now) > server.budget * WARM_RESERVE;
    for (const tenant of this.#active) if (!tenant.maintain(now, mayWarm)) this.#active.delete(tenant);
    if (this.#active.size > 0) return;
    clearInterval(this.#maintenance);
    this.#maintenance = undefined;
  }

  #withConnections(): Tenant[] {
    return [...this.#active].filter((tenant) => tenant.isConnected);
  }
}

/** @throws PoolError `pool_invalid`. */
export function createTenantConnectionPoolManager(options: TenantConnectionPoolManagerOptions): TenantConnectionPoolManager {
  return new TenantConnectionPoolManager(options);
}

const usageOf = (tenant: Tenant): TenantUsage => ({
  ...tenant.pools.usage(performance.now()),
  connections: tenant.held,
  peakTotal: tenant.peak,
});

function sumOfRoles(tenants: readonly Tenant[], now: number): RoleStats {
  const total = { total: 0, idle: 0, inUse: 0, waiting: 0, hits: 0, misses: 0, opened: 0, closed: 0 };
  for (const tenant of tenants) {
    const { waitMs: _, ...counts } = tenant.pools.stats(ROLES, now);
    total.total += counts.total;
    total.idle += counts.idle;
    total.inUse += counts.inUse;
    total.waiting += counts.waiting;
    total.hits += counts.hits;
    total.misses += counts.misses;
    total.opened += counts.opened;
    total.closed += counts.closed;
  }
  const waits = tenants.flatMap((tenant) => tenant.pools.countersOf(ROLES)).map((counters) => counters.waits);
  return { ...total, waitMs: percentilesOf(waits, now) };
}

function sumOfUsage(tenants: readonly Tenant[], now: number): Usage {
  const total = { statements: 0, errors: 0, refused: 0, busyMs: 0, waitMs: 0, connectionMs: 0 };
  for (const tenant of tenants) {
    const usage = tenant.pools.usage(now);
    total.statements += usage.statements;
    total.errors += usage.errors;
    total.refused += usage.refused;
    total.busyMs += usage.busyMs;
    total.waitMs += usage.waitMs;
    total.connectionMs += usage.connectionMs;
  }
  return total;
}

const closed = (): PoolError => new PoolError('closed', 'The pools are closed.');
