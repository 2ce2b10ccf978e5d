import { PoolError } from '../errors.ts';
import { backoffMs } from '../scheduling/connect-failure.ts';
import { fairShare } from '../scheduling/fair-share.ts';
import { chooseVictim, turnMs } from '../scheduling/turns.ts';
import type { ServerStats } from './counters.ts';
import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';
import type { Tenant } from './tenant.ts';
import type { Pace, Ticker } from './ticker.ts';
import {
  FAILURE_COUNTS_MS,
  INTERRUPTS_AT_ONCE,
  LINGER_MS,
  LOGIN_COUNTS_MS,
  LOGINS_AT_ONCE,
  SERVER_BACKOFF_MS,
  STALE_AFTER_MS,
  SWITCH_MS,
  SWITCHES_AT_ONCE,
  TENURE_MS,
  TURN_MS,
} from './tuning.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';

/** Looking for who gives way takes as long as there are connections: not more often than that, for so many of them. */
const LOOK_EVERY_MS = 1;
const LOOK_EVERY_CONNECTIONS = 100;
const SWITCH_WEIGHT = 0.1;

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
  readonly #line = new WaitingLine();
  readonly #opening = new Set<Slot>();
  /** Until when connections count that are gone at this end only, and whose they were. */
  readonly #lingering: { readonly until: number; readonly tenant: Tenant }[] = [];
  #used = 0;
  /** How long it takes to open a connection, on average. */
  #switchMs: number = SWITCH_MS.least;
  #lookedAt = 0;
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
    if (!this.#line.join(tenant, this.#held.has(tenant), now)) return;
    this.#ticker.watch(this);
    if (this.spare(now) > 0) this.#grant(now);
    else this.#lookAgain(now);
  }

  /** The tenant has nothing left that waits. */
  wantsNothing(tenant: Tenant): void {
    if (this.#line.size > 0) this.#line.leave(tenant);
  }

  /** Opens one more for the pool if there is one to spare for which nobody waits. */
  openSpare(pool: LoginPool, now: number): void {
    if (this.mayOpenSpare(now)) this.#open(pool, now);
  }

  mayOpenSpare(now: number): boolean {
    return this.#line.size === 0 && this.spare(now) > 0 && this.#mayLogIn(now);
  }

  becameIdle(now: number): void {
    if (this.#line.size > 0) this.#lookAgain(now);
  }

  /** The attempt to open it has ended, well or not. */
  openingEnded(slot: Slot, now: number, opened: boolean): void {
    this.#opening.delete(slot);
    if (opened) {
      const ms = Math.min(SWITCH_MS.most, Math.max(SWITCH_MS.least, now - slot.openedAt));
      this.#switchMs += (ms - this.#switchMs) * SWITCH_WEIGHT;
    }
    if (this.#line.size > 0) this.#grant(now);
  }

  /** One of the pool's connections is no more. Unless the server is known to have let go of it, it counts for a while yet. */
  freed(pool: LoginPool, now: number, known: boolean): void {
    count(this.pools, pool, -1);
    if (known) {
      this.#letGo(pool.tenant);
    } else {
      this.#lingering.push({ until: now + LINGER_MS, tenant: pool.tenant });
      this.#ticker.watch(this);
    }
    if (this.#line.size > 0) this.#grant(now);
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

  tick(now: number): Pace | undefined {
    while (this.#lingering[0] !== undefined && this.#lingering[0].until <= now) {
      const { tenant } = this.#lingering[0];
      this.#lingering.shift();
      this.#letGo(tenant);
    }
    this.#grant(now);
    return this.#line.size > 0 || this.#lingering.length > 0 ? 'each' : undefined;
  }

  stats(now: number): ServerStats {
    return {
      host: this.host,
      port: this.port,
      budget: this.budget,
      used: this.#used,
      waitingTenants: this.#line.size,
      failure: this.failure(now)?.message,
    };
  }

  #open(pool: LoginPool, now: number): void {
    this.#used++;
    count(this.pools, pool, 1);
    count(this.#held, pool.tenant, 1);
    pool.tenant.hasOpened();
    this.#opening.add(pool.open(now));
  }

  #letGo(tenant: Tenant): void {
    this.#used--;
    count(this.#held, tenant, -1);
    tenant.hasLetGo();
    if (!this.#held.has(tenant)) this.#line.lostAll(tenant);
  }

  #grant(now: number): void {
    while (this.#line.size > 0 && this.spare(now) > 0 && this.#mayLogIn(now)) {
      const pool = this.#next(now);
      if (pool === undefined) return;
      this.#open(pool, now);
    }
    if (this.#line.size > 0 && this.#used >= this.budget) this.#reclaim(now);
  }

  #lookAgain(now: number): void {
    const every = LOOK_EVERY_MS * Math.max(1, this.#used / LOOK_EVERY_CONNECTIONS);
    if (this.#used >= this.budget && now - this.#lookedAt >= every) this.#reclaim(now);
  }

  #mayLogIn(now: number): boolean {
    // A server that could not be reached is tried with one connection, not with one for each tenant that waits.
    return this.#failures > 0 ? this.#opening.size === 0 : this.#loginsUnderWay(now) < LOGINS_AT_ONCE;
  }

  /** One that takes long does not count: it may be that tenant's password that cannot be had. */
  #loginsUnderWay(now: number): number {
    let underWay = 0;
    for (const slot of this.#opening) if (now - slot.openedAt < LOGIN_COUNTS_MS) underWay++;
    return underWay;
  }

  /** The pool that the next connection is for: of the tenant whose turn it is, those below their share first. It leaves the line. */
  #next(now: number): LoginPool | undefined {
    let next: LoginPool | undefined;
    let share: number | undefined;
    for (const { pool } of this.#claims(now)) {
      const held = this.heldBy(pool.tenant);
      next ??= pool;
      if (held > 0 && held >= (share ??= this.#share(now))) continue;
      next = pool;
      break;
    }
    if (next !== undefined) this.#line.leave(next.tenant);
    return next;
  }

  /** One pool for each tenant that waits, in their order. Who wants nothing any more leaves the line. */
  *#claims(now: number): Generator<{ readonly pool: LoginPool; readonly waiting: Waiting }> {
    for (const waiting of this.#line) {
      const pool = waiting.tenant.claimOn(this, now);
      if (pool === undefined) this.#line.leave(waiting.tenant);
      else yield { pool, waiting };
    }
  }

  #share(now: number): number {
    const demands: number[] = [];
    for (const [tenant, held] of this.#held) {
      const inUse = tenant.running > 0 || now - tenant.lastUsed < STALE_AFTER_MS;
      if (inUse) demands.push(held + (this.#line.has(tenant) ? 1 : 0));
    }
    const tenants = demands.length + this.#line.without;
    if (tenants >= this.budget) return this.budget / tenants;
    for (let nth = 0; nth < this.#line.without; nth++) demands.push(1);
    return fairShare(this.budget, demands);
  }

  /** Asks connections to give way to those who are first in line; a few at a time, because each costs the server a login. */
  #reclaim(now: number): void {
    this.#lookedAt = now;
    const slots = [...this.pools.keys()].flatMap((pool) => pool.slots);
    const leaving = slots.filter((slot) => slot.isLeaving(now)).length;
    const underWay = leaving + this.#loginsUnderWay(now);
    if (underWay >= SWITCHES_AT_ONCE) return;
    const share = this.#share(now);
    const turn = turnMs(this.budget, this.#switchMs, TURN_MS);
    const rules = { now, share, staleAfterMs: STALE_AFTER_MS, tenureMs: TENURE_MS, turnMs: turn, switchMs: this.#switchMs };
    let served = leaving;
    let asked = 0;
    for (const { pool, waiting } of this.#claims(now)) {
      if (served-- > 0) continue;
      if (underWay + asked >= SWITCHES_AT_ONCE) return;
      const entitled = this.heldBy(pool.tenant) < share;
      const patient = now - waiting.since >= turn;
      const mayInterrupt = underWay + asked < INTERRUPTS_AT_ONCE;
      const victim: Slot | undefined = chooseVictim(slots, { ...rules, entitled, patient, mayInterrupt });
      if (victim === undefined) break;
      victim.retire();
      asked++;
    }
    this.#makeRoomAtHome(share, now);
  }

  /** Who has its share has to do with it: one of its logins makes room for the other. */
  #makeRoomAtHome(share: number, now: number): void {
    for (const { tenant } of this.#line.withSome()) {
      if (this.heldBy(tenant) < share) continue;
      const pool = tenant.claimOn(this, now);
      if (pool !== undefined) tenant.makeRoomFor(pool, now);
    }
  }
}

function count<K>(counts: Map<K, number>, key: K, change: number): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
