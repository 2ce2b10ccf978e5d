import { PoolError } from '../errors.ts';
import { fairShare } from '../scheduling/fair-share.ts';
import { choosePreempted } from '../scheduling/preempt.ts';
import { chooseVictim, turnMs } from '../scheduling/turns.ts';
import type { ServerStats } from './counters.ts';
import type { LoginPool } from './login-pool.ts';
import { ServerAccount } from './server-account.ts';
import { ServerLogins } from './server-logins.ts';
import type { Slot } from './slot.ts';
import type { Tenant } from './tenant.ts';
import type { Pace, Ticker } from './ticker.ts';
import { INTERRUPTS_AT_ONCE, KEPT_FROM, PREEMPT, STALE_AFTER_MS, SWITCHES_AT_ONCE, TENURE_MS, TURN_MS } from './tuning.ts';
import { type Waiting, WaitingLine } from './waiting-line.ts';

/** Looking for who gives way takes as long as there are connections: not more often than that, for so many of them. */
const LOOK_EVERY_MS = 1;
const LOOK_EVERY_CONNECTIONS = 100;

/**
 * Deals the connections of this process to one Postgres server: never more than the budget, counting those that are being opened and those that the
 * server has not yet let go. When it is used up, tenants get what comes free in turn, and who holds more than a fair share gives way.
 */
export class ServerBudget {
  readonly host: string;
  readonly port: number;
  readonly budget: number;
  readonly logins = new ServerLogins();
  readonly #ticker: Ticker;
  readonly #account = new ServerAccount();
  readonly #line = new WaitingLine();
  /** Pools that need a connection to have the server end other sessions. */
  readonly #ending = new Set<LoginPool>();
  /** What tenants may have of the budget: with all of it taken by sessions that no cancel ends, none of them could be ended. */
  readonly #capacity: number;
  #lookedAt = 0;

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
    this.#capacity = budget < KEPT_FROM ? budget : budget - 1;
    this.#ticker = ticker;
  }

  /** Connections that nobody has and that could be opened now. */
  spare(now: number): number {
    return this.logins.pauses(now) ? 0 : this.#capacity - this.#account.used;
  }

  heldBy(tenant: Tenant): number {
    return this.#account.heldBy(tenant);
  }

  /** The tenant could use another connection: it gets one at once, or in its turn. */
  want(tenant: Tenant, now: number): void {
    if (!this.#line.join(tenant, this.heldBy(tenant) > 0, now)) return;
    this.#ticker.watch(this);
    if (this.spare(now) > 0) this.#grant(now);
    else this.#lookAgain(now);
  }

  /** The tenant has nothing left that waits. */
  wantsNothing(tenant: Tenant): void {
    if (this.#line.size > 0) this.#line.leave(tenant);
  }

  /** The pool needs a connection to have the server end other sessions: it comes before everybody, and may have the one that is kept. */
  wantToEnd(pool: LoginPool, now: number): void {
    this.#ending.add(pool);
    this.#ticker.watch(this);
    this.#grant(now);
  }

  /** Opens one more for the pool if there is one to spare for which nobody waits. */
  openSpare(pool: LoginPool, now: number): void {
    if (this.mayOpenSpare(now)) this.#open(pool, now);
  }

  mayOpenSpare(now: number): boolean {
    return this.#line.size === 0 && this.spare(now) > 0 && this.logins.mayBegin(now);
  }

  becameIdle(now: number): void {
    if (this.#line.size > 0) this.#lookAgain(now);
  }

  /** The attempt to open it has ended, well or not. */
  openingEnded(slot: Slot, now: number, opened: boolean): void {
    this.logins.ended(slot, now, opened);
    if (this.#isAwaited) this.#grant(now);
  }

  /** One of the pool's connections is no more. Unless the server is known to have let go of it, it counts for a while yet. */
  freed(pool: LoginPool, now: number, known: boolean): void {
    this.#account.closed(pool);
    if (known) {
      this.#letGo(pool.tenant);
    } else {
      this.#account.linger(pool.tenant, now);
      this.#ticker.watch(this);
    }
    if (this.#isAwaited) this.#grant(now);
  }

  tick(now: number): Pace | undefined {
    for (let tenant = this.#account.takeLingered(now); tenant !== undefined; tenant = this.#account.takeLingered(now)) {
      this.#letGo(tenant);
    }
    this.#grant(now);
    return this.#isAwaited || this.#account.anyLingering ? 'each' : undefined;
  }

  stats(now: number): ServerStats {
    return {
      host: this.host,
      port: this.port,
      budget: this.budget,
      used: this.#account.used,
      waitingTenants: this.#line.size,
      failure: this.logins.failure(now)?.message,
    };
  }

  get #isAwaited(): boolean {
    return this.#line.size > 0 || this.#ending.size > 0;
  }

  #open(pool: LoginPool, now: number, toEnd = false): void {
    this.#account.opens(pool);
    this.logins.begins(pool.open(now, toEnd));
  }

  #letGo(tenant: Tenant): void {
    this.#account.letGo(tenant);
    if (this.heldBy(tenant) === 0) this.#line.lostAll(tenant);
  }

  #grant(now: number): void {
    for (const pool of this.#ending) {
      if (this.#account.used >= this.budget || this.logins.pauses(now) || !this.logins.mayBegin(now)) break;
      this.#ending.delete(pool);
      this.#open(pool, now, true);
    }
    if (this.#ending.size > 0 && this.#account.used >= this.budget) this.#reclaimToEnd(now);
    while (this.#line.size > 0 && this.spare(now) > 0 && this.logins.mayBegin(now)) {
      const pool = this.#next(now);
      if (pool === undefined) return;
      this.#open(pool, now);
    }
    if (this.#line.size > 0 && this.#account.used >= this.#capacity) this.#reclaim(now);
  }

  #lookAgain(now: number): void {
    const every = LOOK_EVERY_MS * Math.max(1, this.#account.used / LOOK_EVERY_CONNECTIONS);
    if (this.#account.used >= this.#capacity && now - this.#lookedAt >= every) this.#reclaim(now);
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
    for (const [tenant, held] of this.#account.tenants()) {
      const inUse = tenant.running > 0 || now - tenant.lastUsed < STALE_AFTER_MS;
      if (inUse) demands.push(held + (this.#line.has(tenant) ? 1 : 0));
    }
    const tenants = demands.length + this.#line.without;
    if (tenants >= this.#capacity) return this.#capacity / tenants;
    for (let nth = 0; nth < this.#line.without; nth++) demands.push(1);
    return fairShare(this.#capacity, demands);
  }

  /** Asks connections to give way to those who are first in line; a few at a time, because each costs the server a login. */
  #reclaim(now: number): void {
    this.#lookedAt = now;
    const slots = this.#account.slots();
    const leaving = slots.filter((slot) => slot.isLeaving(now)).length;
    const underWay = leaving + this.logins.underWay(now);
    if (underWay >= SWITCHES_AT_ONCE) return;
    const rules = this.#rulesOf(this.#share(now), now);
    const { share, turnMs: turn } = rules;
    let served = leaving;
    let asked = 0;
    for (const { pool, waiting } of this.#claims(now)) {
      if (served-- > 0) continue;
      if (underWay + asked >= SWITCHES_AT_ONCE) return;
      const entitled = this.heldBy(pool.tenant) < share;
      const patient = now - waiting.since >= turn;
      const mayInterrupt = underWay + asked < INTERRUPTS_AT_ONCE;
      const victim: Slot | undefined = chooseVictim(slots, { ...rules, entitled, patient, mayInterrupt });
      if (victim !== undefined) victim.retire();
      else if (!entitled || !this.#preempt(slots, waiting, rules)) break;
      asked++;
    }
    this.#makeRoomAtHome(share, now);
  }

  /** Nobody gives way soon to who has waited for long: whether something is cancelled for it. */
  #preempt(
    slots: readonly Slot[],
    { since }: Waiting,
    { now, share, turnMs: turn }: { now: number; share: number; turnMs: number },
  ): boolean {
    const longMs = PREEMPT.turns * turn;
    if (now - since < longMs) return false;
    const most = Math.max(1, Math.floor(this.#capacity * PREEMPT.share));
    const chosen = choosePreempted(slots, { now, share, longMs, most });
    chosen?.preempt(now);
    return chosen !== undefined;
  }

  /** Where none is kept, the next connection that can be had is for who has to end sessions, whoever holds it. */
  #reclaimToEnd(now: number): void {
    const slots = this.#account.slots();
    if (slots.some((slot) => slot.isLeaving(now))) return;
    chooseVictim(slots, { ...this.#rulesOf(0, now), entitled: true, patient: true, mayInterrupt: true })?.retire();
  }

  #rulesOf(share: number, now: number) {
    const { switchMs } = this.logins;
    const turn = turnMs(this.#capacity, switchMs, TURN_MS);
    return { now, share, staleAfterMs: STALE_AFTER_MS, tenureMs: TENURE_MS, turnMs: turn, switchMs };
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
