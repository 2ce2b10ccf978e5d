import { PoolError } from '../errors.ts';
import { backoffMs } from '../scheduling/connect-failure.ts';
import { chooseVictim, fairShare } from '../scheduling/fair-share.ts';
import type { ServerStats } from './counters.ts';
import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';
import type { Tenant } from './tenant.ts';
import type { Ticker } from './ticker.ts';
import { FAILURE_COUNTS_MS, LINGER_MS, SERVER_BACKOFF_MS, STALE_AFTER_MS, TENURE_MS } from './tuning.ts';

/** Tenants. */
const SHORT_LINE = 32;

/**
 * The connections of this process to one Postgres server: never more than the budget, counting those that are being opened and those that the server
 * has not yet let go. When it is used up, tenants get what comes free in turn, and who holds more than a fair share gives way.
 */
export class ServerBudget {
  readonly host: string;
  readonly port: number;
  readonly budget: number;
  /** Pools that hold at least one connection, and how many each. */
  readonly pools = new Map<LoginPool, number>();
  readonly #ticker: Ticker;
  readonly #held = new Map<Tenant, number>();
  /** Tenants that wait for a connection, the next one first. */
  readonly #waiting = new Set<Tenant>();
  /** Until when connections count that are gone at this end only. */
  readonly #lingering: number[] = [];
  #used = 0;
  #failures = 0;
  #notBefore = 0;
  #failure: PoolError | undefined = undefined;
  #failedAt = 0;

  constructor(host: string, port: number, budget: number, ticker: Ticker) {
    if (!Number.isSafeInteger(budget) || budget < 1) {
      throw new PoolError(
        'pool_invalid',
        `The budget of server ${host}:${port} must be a whole number of at least 1, not ${budget}.`,
      );
    }
    this.host = host;
    this.port = port;
    this.budget = budget;
    this.#ticker = ticker;
  }

  /** Connections that nobody has and that could be opened now. */
  spare(now: number): number {
    return now < this.#notBefore ? 0 : this.budget - this.#used;
  }

  /** Why it could not be reached when that was last tried, unless that is long ago: whoever waits for it has it tried every few seconds. */
  failure(now: number): PoolError | undefined {
    return now - this.#failedAt < FAILURE_COUNTS_MS ? this.#failure : undefined;
  }

  heldBy(tenant: Tenant): number {
    return this.#held.get(tenant) ?? 0;
  }

  /** The tenant could use another connection: it gets one at once, or in its turn. */
  want(tenant: Tenant, now: number): void {
    this.#waiting.add(tenant);
    this.#ticker.watch(this);
    // Looking at who is in a long line takes as long as the line: the sweep does it for all who joined it meanwhile.
    if (this.#waiting.size <= SHORT_LINE || this.spare(now) > 0) this.#grant(now);
  }

  /** Opens one more for the pool if there is one to spare for which nobody waits. */
  openSpare(pool: LoginPool, now: number): void {
    if (this.#waiting.size === 0 && this.spare(now) > 0) this.#open(pool, now);
  }

  becameIdle(now: number): void {
    if (this.#waiting.size > 0) this.#grant(now);
  }

  /** One of the pool's connections is no more. Unless the server is known to have let go of it, it counts for a while yet. */
  freed(pool: LoginPool, now: number, known: boolean): void {
    count(this.pools, pool, -1);
    count(this.#held, pool.tenant, -1);
    if (known) {
      this.#used--;
    } else {
      this.#lingering.push(now + LINGER_MS);
      this.#ticker.watch(this);
    }
    if (this.#waiting.size > 0) this.#grant(now);
  }

  reached(): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#failure = undefined;
  }

  notReached(failure: PoolError, now: number): void {
    this.#failure = failure;
    this.#failedAt = now;
    this.#notBefore = now + backoffMs(++this.#failures, SERVER_BACKOFF_MS.first, SERVER_BACKOFF_MS.longest);
  }

  tick(now: number): boolean {
    while (this.#lingering[0] !== undefined && this.#lingering[0] <= now) {
      this.#lingering.shift();
      this.#used--;
    }
    this.#grant(now);
    return this.#waiting.size > 0 || this.#lingering.length > 0;
  }

  stats(now: number): ServerStats {
    return {
      host: this.host,
      port: this.port,
      budget: this.budget,
      used: this.#used,
      waitingTenants: this.#waiting.size,
      failure: this.failure(now)?.message,
    };
  }

  #open(pool: LoginPool, now: number): void {
    this.#used++;
    count(this.pools, pool, 1);
    count(this.#held, pool.tenant, 1);
    pool.open(now);
  }

  #grant(now: number): void {
    while (this.#waiting.size > 0 && this.spare(now) > 0) {
      // A server that could not be reached is tried with one connection, not with one for each tenant that waits.
      if (this.#failures > 0 && this.#anyOpening()) return;
      const pool = this.#next(now);
      if (pool === undefined) return;
      this.#open(pool, now);
    }
    if (this.#waiting.size > 0 && this.#used >= this.budget) this.#reclaim(now);
  }

  #anyOpening(): boolean {
    for (const pool of this.pools.keys()) if (pool.opening > 0) return true;
    return false;
  }

  /** The pool that the next connection is for: of the tenant whose turn it is, those below their share first. */
  #next(now: number): LoginPool | undefined {
    const claims = this.#claims(now);
    const share = claims.length > 1 ? this.#share(now) : Number.POSITIVE_INFINITY;
    const pool = claims.find(({ tenant }) => this.heldBy(tenant) < share) ?? claims[0];
    if (pool !== undefined) {
      // To the end of the line.
      this.#waiting.delete(pool.tenant);
      this.#waiting.add(pool.tenant);
    }
    return pool;
  }

  /** One pool for each tenant that waits, in their order. Who wants nothing any more leaves the line. */
  #claims(now: number): LoginPool[] {
    const claims: LoginPool[] = [];
    for (const tenant of this.#waiting) {
      const pool = tenant.claimOn(this, now);
      if (pool === undefined) this.#waiting.delete(tenant);
      else claims.push(pool);
    }
    return claims;
  }

  #share(now: number): number {
    const demands: number[] = [];
    for (const [tenant, held] of this.#held) {
      const inUse = tenant.running > 0 || now - tenant.lastUsed < STALE_AFTER_MS;
      const waits = this.#waiting.has(tenant) ? 1 : 0;
      if (inUse) demands.push(held + waits);
    }
    for (const tenant of this.#waiting) if (!this.#held.has(tenant)) demands.push(1);
    return fairShare(this.budget, demands);
  }

  /** Asks as many connections to give way as tenants wait, less those that are on their way out. */
  #reclaim(now: number): void {
    const slots = [...this.pools.keys()].flatMap((pool) => pool.slots);
    const claims = this.#claims(now);
    // One that gives way but has long been at what it does may take longer still: it does not count.
    let needed =
      claims.length - slots.filter((slot) => slot.retiring && !(slot.inFlight > 0 && now - slot.headSince > TENURE_MS)).length;
    if (needed <= 0) return;
    const share = this.#share(now);
    const rules = { now, share, staleAfterMs: STALE_AFTER_MS, tenureMs: TENURE_MS };
    const entitled = claims.filter(({ tenant }) => this.heldBy(tenant) < share).length;
    for (let nth = 0; nth < claims.length && needed > 0; nth++) {
      const victim: Slot | undefined = chooseVictim(slots, { ...rules, entitled: nth < entitled });
      if (victim === undefined) break;
      victim.retire();
      needed--;
    }
    // Who has its share has to do with it: one of its logins makes room for the other.
    if (needed > 0) for (const pool of claims) if (this.heldBy(pool.tenant) >= share) pool.tenant.makeRoomFor(pool, now);
  }
}

function count<K>(counts: Map<K, number>, key: K, change: number): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
