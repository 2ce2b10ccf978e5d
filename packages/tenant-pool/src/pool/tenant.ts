import type { PoolError } from '../errors.ts';
import { sameHome, sameServer, sameSettings, type TenantRegistration } from '../registration.ts';
import { nextGap } from '../scheduling/turns.ts';
import { TokenBucket } from '../scheduling/token-bucket.ts';
import type { PoolContext } from './context.ts';
import type { TenantPoolStats } from './counters.ts';
import type { LoginPool } from './login-pool.ts';
import type { PoolRole } from './login-pool-options.ts';
import { LoginPools, ROLES } from './login-pools.ts';
import { ReplicaRoute } from './replica-route.ts';
import type { ServerBudget } from './server-budget.ts';
import { CANCELS, STALE_AFTER_MS, SWITCH_MS, TENURE_MS } from './tuning.ts';

export type PoolMode = 'readwrite' | 'readonly';

/** One tenant: its registration, and, while it is in use, its pools. */
export class Tenant {
  readonly id: string;
  registration: TenantRegistration;
  /** Statements running and connections lent out. */
  running = 0;
  waiting = 0;
  /** Connections, over all pools, with those that a server may not have let go yet; and the most there were since `resetPeak`. */
  held = 0;
  peak = 0;
  /** Of connections that it has lost because a caller gave up or a deadline passed. */
  #cancels: TokenBucket | undefined = undefined;
  lastUsed = 0;
  /** When the last of what it asked ended. */
  lastEnded = Number.NEGATIVE_INFINITY;
  /** How long it usually has nothing to do; see `nextGap`. */
  gapMs = Number.POSITIVE_INFINITY;
  removed: PoolError | undefined = undefined;
  readonly pools: LoginPools;
  readonly #context: PoolContext;
  #replica: ReplicaRoute | undefined = undefined;

  constructor(registration: TenantRegistration, context: PoolContext, serverOf: (host: string, port: number) => ServerBudget) {
    this.id = registration.tenantId;
    this.registration = registration;
    this.#context = context;
    this.pools = new LoginPools(this, context, serverOf);
  }

  get mayRun(): boolean {
    return this.running < this.registration.maxConcurrentQueries;
  }

  /** Connections it may still open. */
  get room(): number {
    return this.removed === undefined ? Math.max(0, this.registration.maxConnections - this.held) : 0;
  }

  get isConnected(): boolean {
    return this.pools.all.some(({ slots }) => slots.length > 0);
  }

  /** A request of it has come. */
  asked(now: number): void {
    this.lastUsed = now;
    this.gapMs = nextGap(this.gapMs, this.running > 0 || this.waiting > 0 ? 0 : now - this.lastEnded);
  }

  /** A connection is to be closed because what ran on it was cut off. */
  hasCancelled(now: number): void {
    this.#cancels ??= new TokenBucket(CANCELS.most, CANCELS.everyMs, now);
    this.#cancels.spend(now);
  }

  /** Whether connections are opened for it: who has many cut off waits for others to take their place. */
  mayOpen(now: number): boolean {
    return this.#cancels?.hasToken(now) ?? true;
  }

  hasOpened(): void {
    this.held++;
    this.peak = Math.max(this.peak, this.held);
  }

  hasLetGo(): void {
    this.held--;
  }

  /** Where a request goes now. */
  poolFor(mode: PoolMode, now: number, onPrimary = false): LoginPool {
    if (mode === 'readonly' && !onPrimary && this.registration.replica !== undefined) {
      const replica = this.pools.of('replica');
      this.#replica ??= new ReplicaRoute(this.#context.replicaMaxLagMs);
      if (this.#replica.usable(replica, now)) return replica;
    }
    return this.pools.of(mode);
  }

  /** Where a statement goes whose connection, of that role, failed it: what the replica could not do is the primary's. */
  poolForRerun(role: PoolRole): LoginPool | PoolError {
    return this.removed ?? this.pools.of(role === 'replica' ? 'readonly' : role);
  }

  /**
   * The pool that the next connection to the server would be for: the one with the fewest, of those that want one, and of several such the one whose
   * work has waited longest, so that logins that share one connection get it by turns.
   */
  claimOn(server: ServerBudget, now: number): LoginPool | undefined {
    let claim: LoginPool | undefined;
    for (const pool of this.pools.all) {
      if (pool.server === server && pool.wants(now) > 0 && (claim === undefined || comesBefore(pool, claim))) claim = pool;
    }
    return claim;
  }

  dispatch(now: number): void {
    for (const pool of this.pools.all) {
      if (pool.waiting === 0) continue;
      pool.dispatch(now);
      if (this.waiting === 0) pool.server.wantsNothing(this);
    }
  }

  /** The tenant has all that it may have, or its share of the server, and the pool needs a connection: another of its pools gives way. */
  makeRoomFor(pool: LoginPool, now: number): void {
    const others = this.pools.all.filter((other) => other !== pool && (this.room === 0 || other.server === pool.server));
    const slots = others.flatMap((other) => other.slots);
    if (slots.some((slot) => slot.retiring)) return;
    const unused = slots.find((slot) => slot.idle && now - slot.lastUsed > STALE_AFTER_MS);
    if (unused !== undefined) return unused.retire();
    if (pool.slots.length > 0) return;
    // What reads and writes by turns is not to pay for a connection with each statement.
    const idle = slots.find((slot) => slot.idle && Math.max(now - slot.idleSince, this.gapMs) > SWITCH_MS.least);
    (idle ?? slots.find((slot) => !slot.taken && now - slot.openedAt > TENURE_MS))?.retire();
  }

  update(registration: TenantRegistration): void {
    const before = this.registration;
    this.registration = registration;
    if (!sameHome(before, registration)) for (const role of ['readwrite', 'readonly'] as const) this.pools.replace(role);
    if (!sameHome(before, registration) || !sameServer(before.replica, registration.replica)) {
      this.pools.replace('replica');
      this.#replica = undefined;
    }
    this.pools.updateLogins();
    // A session has what it was begun with for life: those that begin otherwise take their place.
    if (!sameSettings(before, registration)) this.pools.retireAll();
    this.trim();
  }

  /** Closes what is more than it may have: idle connections first, the others when they come free. */
  trim(): void {
    let excess = this.held - this.registration.maxConnections;
    const slots = this.pools.all.flatMap((pool) => pool.slots);
    for (const slot of slots) if (slot.retiring) excess--;
    for (const slot of [...slots.filter((each) => each.idle), ...slots.filter((each) => !each.idle)]) {
      if (excess <= 0) return;
      if (slot.retiring) continue;
      slot.retire();
      excess--;
    }
  }

  /** Nothing new is taken; what waits fails; what runs is cancelled; connections are closed, with `breakOff` also those that are being opened. */
  remove(error: PoolError, breakOff = false): void {
    const now = performance.now();
    this.removed = error;
    for (const pool of this.pools.all) {
      pool.handOver(error);
      pool.forgetKeys();
      for (const slot of pool.slots) {
        for (const work of slot.running.toArray()) work.revoke(error, now);
        slot.retire();
        if (breakOff && slot.backend === undefined) slot.destroy();
      }
    }
  }

  /** What waits fails, what is idle is closed, what runs may end. */
  drain(error: PoolError): void {
    this.removed = error;
    for (const pool of this.pools.all) pool.handOver(error);
    this.pools.retireAll();
  }

  /** Its connections end at this end, whatever the server does with them. */
  drop(): void {
    for (const pool of this.pools.all) for (const slot of pool.slots) slot.destroy();
  }

  replicaFailed(now: number): void {
    this.#replica?.failed(now);
    this.pools.current('replica')?.handOver(this.pools.of('readonly'));
  }

  /**
   * Closes what has been idle for too long, keeps the minimum warm while the tenant is in use, forgets pools that nobody uses. Whether there is still
   * anything to look after.
   */
  maintain(now: number, mayWarm: (server: ServerBudget) => boolean): boolean {
    const { idleTimeoutMs, minConnections } = this.registration;
    const inUse = this.running > 0 || now - this.lastUsed < idleTimeoutMs;
    let latest: LoginPool | undefined;
    for (const pool of this.pools.all) {
      for (const slot of pool.slots.slice()) {
        slot.maintain(now);
        const keep = inUse && this.held <= minConnections;
        if (slot.idle && !slot.retiring && !keep && now - slot.idleSince >= idleTimeoutMs) slot.retire();
      }
      if (pool.role !== 'replica' && (latest === undefined || pool.lastUsed > latest.lastUsed)) latest = pool;
      if (pool.slots.length === 0 && pool.waiting === 0 && (!inUse || this.removed !== undefined)) this.pools.forget(pool);
    }
    const warm = inUse && this.removed === undefined && this.held > 0 && this.held < minConnections;
    if (warm && latest !== undefined && latest.mayBeWarmed(now) && mayWarm(latest.server)) latest.server.openSpare(latest, now);
    return this.pools.all.length > 0;
  }

  /** Describes without asking the server, from the pools there are. */
  knownParameters(mode: PoolMode, text: string): readonly number[] | undefined {
    for (const slot of this.pools.current(mode)?.slots ?? []) {
      const known = slot.backend?.knownParameters(text);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  stats(now: number): TenantPoolStats {
    const { minConnections: min, maxConnections: max } = this.registration;
    return {
      tenantId: this.id,
      min,
      max,
      peakTotal: this.peak,
      ...this.pools.stats(ROLES, now),
      roles: { primary: this.pools.stats(['readwrite', 'readonly'], now), replica: this.pools.stats(['replica'], now) },
      usage: this.pools.usage(now),
    };
  }
}

function comesBefore(pool: LoginPool, other: LoginPool): boolean {
  const more = pool.slots.length - other.slots.length;
  return more === 0 ? pool.oldestAt < other.oldestAt : more < 0;
}
