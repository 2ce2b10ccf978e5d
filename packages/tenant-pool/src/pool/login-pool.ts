import { aborted, PoolError } from '../errors.ts';
import type { TenantLogin } from '../registration.ts';
import { chooseBackend, chooseIdle } from '../scheduling/choose-backend.ts';
import { Growth } from '../scheduling/growth.ts';
import { StatementProfiles } from '../scheduling/statement-profiles.ts';
import { ScramMemory } from '../wire/scram.ts';
import { Connections } from './connections.ts';
import type { PoolContext } from './context.ts';
import type { RoleCounters } from './counters.ts';
import type { LoginPoolOptions, PoolRole } from './login-pool-options.ts';
import { Reservation } from './reservation.ts';
import type { ServerBudget } from './server-budget.ts';
import type { Slot } from './slot.ts';
import type { Tenant } from './tenant.ts';
import type { Pace } from './ticker.ts';
import { GROWTH, PIPELINE_DEPTH } from './tuning.ts';
import type { Work, WorkKind, WorkList } from './work.ts';
import { WorkQueues } from './work-queues.ts';

/** The connections of one login on one server, and the work that waits for them. */
export class LoginPool {
  readonly context: PoolContext;
  readonly tenant: Tenant;
  readonly role: PoolRole;
  readonly server: ServerBudget;
  readonly database: string;
  readonly counters: RoleCounters;
  readonly profiles = new StatementProfiles();
  /** Of the login's passwords as they are registered now. */
  scramMemory = new ScramMemory();
  login: TenantLogin;
  lastUsed = 0;
  readonly #connections = new Connections(this);
  readonly #reservation = new Reservation();
  readonly #growth = new Growth(GROWTH);
  readonly #queues = new WorkQueues();

  constructor(options: LoginPoolOptions) {
    this.context = options.context;
    this.tenant = options.tenant;
    this.role = options.role;
    this.server = options.server;
    this.database = options.database;
    this.login = options.login;
    this.counters = options.counters;
  }

  get slots(): readonly Slot[] {
    return this.#connections.slots;
  }

  get opening(): number {
    return this.#connections.opening;
  }

  get waiting(): number {
    return this.#queues.length;
  }

  /** When the oldest work came that waits. */
  get oldestAt(): number {
    return this.#queues.oldestAt;
  }

  /** Runs the work at once where a connection is fit for it; otherwise it waits. */
  take(work: Work): void {
    const now = work.queuedAt;
    this.lastUsed = now;
    const { tenant, counters } = this;
    tenant.asked(now);
    if (work.givenUp || now >= work.waitUntil) return this.#refuse(work, this.#endOf(work, now));
    if (this.slots.length > this.opening) counters.hits++;
    else counters.misses++;
    const { kind } = work;
    const slot = tenant.mayRun && this.#queues[kind].length === 0 ? this.#slotFor(kind, now) : undefined;
    if (slot !== undefined) {
      counters.waits.recordNone(now);
      this.#start(work, slot, kind, now);
      this.context.ticker.watch(this);
      return;
    }
    if (tenant.waiting >= this.context.maxQueued) {
      return this.#refuse(work, new PoolError('queue_full', `${tenant.waiting} requests of tenant ${tenant.id} wait already.`));
    }
    this.#queues[kind].push(work);
    tenant.waiting++;
    this.context.ticker.watch(this);
    this.#seekConnection(now);
  }

  /** Work that had a connection and is to have another: before what came later. */
  again(work: Work): void {
    const pool = this.tenant.poolForRerun(this.role);
    if (pool instanceof PoolError) return work.refuse(pool);
    work.waitAgain(pool, performance.now());
    pool.#queues.insert(work);
    this.tenant.waiting++;
    this.context.ticker.watch(pool);
  }

  /** Work that waits leaves; nothing happens to what does not. */
  leave(work: Work): void {
    if (work.list === undefined || work.slot !== undefined) return;
    work.list.remove(work);
    this.tenant.waiting--;
    const now = performance.now();
    this.counters.waited(now - work.queuedAt, now);
    this.counters.refused++;
  }

  /** Hands everything that waits to the pool that has taken this one's place, or fails it. */
  handOver(to: LoginPool | PoolError): void {
    for (const work of this.#queues.toArray()) {
      if (to instanceof PoolError) {
        this.leave(work);
        work.refuse(to);
      } else {
        work.list?.remove(work);
        work.pool = to;
        to.#queues.insert(work);
        this.context.ticker.watch(to);
      }
    }
  }

  /** Work has ended, after `ms` on a connection that it had alone or shared. */
  ended(ms: number, alone: boolean, now: number): void {
    this.tenant.running--;
    this.tenant.lastEnded = now;
    this.counters.statements++;
    this.counters.busyMs += ms;
    if (!alone) this.#growth.note(ms);
  }

  /** A connection has less to do. `dirty`: what ran may have left something on the session. */
  released(slot: Slot, now: number, dirty: boolean): void {
    // A setting that a statement has left behind would be its neighbours' too.
    if (!dirty && slot.backend?.settingsAltered === true) slot.retiring = true;
    if (slot.retiring) slot.closeWhenDone();
    else if (slot.alone && dirty) void this.#reset(slot);
    else if (slot.inFlight === 0) return this.#free(slot, now);
    if (this.tenant.waiting > 0) this.tenant.dispatch(now);
  }

  dispatch(now: number): void {
    const { quick, probe, long } = this.#queues;
    for (const queue of [quick, probe, long]) this.#drain(queue, now);
    if (probe.length === 0 && long.length === 0) this.#reservation.end();
  }

  /** How many more connections it could use now. They are opened a few at a time, so that one may answer what the next was wanted for. */
  wants(now: number): number {
    const { waiting, tenant } = this;
    if (waiting === 0 || !tenant.mayRun || !this.#connections.mayOpen(now)) return 0;
    const open = this.slots.length - this.opening;
    if (open === 0) return this.opening > 0 ? 0 : Math.min(1, tenant.room);
    const rules = { shared: this.slots.some((slot) => slot.open), long: this.#mayStartLong() };
    const useful = this.#queues.overdue(now - this.context.ticker.lagMs, open, rules);
    return Math.max(0, Math.min(useful - this.opening, tenant.room));
  }

  /** Whether more of it may be opened than is asked for: it is in use, and its login is not waited for. */
  mayBeWarmed(now: number): boolean {
    return this.slots.length > 0 && this.#connections.mayOpen(now);
  }

  /** Begins to open a connection; the budget has one for it. */
  open(now: number, toEnd = false): Slot {
    return this.#connections.open(now, toEnd);
  }

  /** What runs on the connection cannot be cancelled: the server is to end its session. */
  endSession(slot: Slot, now: number): void {
    this.#connections.end(slot, now);
  }

  /** A connection is no more, `known`: also at the server. */
  gone(slot: Slot, known: boolean): void {
    this.#reservation.end(slot);
    this.#connections.remove(slot);
    const now = performance.now();
    this.server.freed(this, now, known);
    if (this.waiting > 0) this.#seekConnection(now);
  }

  tick(now: number): Pace | undefined {
    for (const slot of this.slots) slot.tick(now, this.context.ticker.lagMs);
    this.#connections.tick(now);
    this.#queues.forEachDue(now, (work) => {
      this.leave(work);
      work.refuse(this.#endOf(work, now));
    });
    if (this.waiting > 0) {
      this.dispatch(now);
      this.#seekConnection(now);
    }
    this.#grow(now);
    // Thousands may wait for their first connection, and nothing can be done for them here: their turn comes from the budget.
    if (this.slots.length === this.opening) return this.waiting > 0 ? 'seldom' : undefined;
    return this.waiting > 0 || this.slots.some((slot) => slot.inFlight > 0) ? 'each' : undefined;
  }

  /** Credentials may have changed: what could not log in tries again. */
  update(login: TenantLogin): void {
    if (login !== this.login) this.forgetKeys();
    this.login = login;
    this.#connections.forgetFailure();
  }

  /** What a login that is under way may yet learn is thrown away too. */
  forgetKeys(): void {
    this.scramMemory.forget();
    this.scramMemory = new ScramMemory();
  }

  #refuse(work: Work, error: PoolError): void {
    this.counters.refused++;
    work.refuse(error);
  }

  /** Why something that waited did so in vain. */
  #endOf(work: Work, now: number): PoolError {
    if (work.givenUp) return aborted();
    const late = `No connection of tenant ${this.tenant.id} became free in time.`;
    return this.#connections.failureToTell(now) ?? new PoolError('queue_timeout', late);
  }

  #seekConnection(now: number): void {
    if (this.wants(now) > 0) this.server.want(this.tenant, now);
    else if (this.waiting > 0 && this.tenant.room === 0) this.tenant.makeRoomFor(this, now);
  }

  #slotFor(kind: WorkKind, now: number): Slot | undefined {
    if (kind === 'quick') {
      return chooseBackend(this.slots, { now, patienceMs: this.context.ticker.patienceMs, depth: PIPELINE_DEPTH });
    }
    if (kind === 'long' && !this.#mayStartLong()) return undefined;
    const reserved = this.#reservation.slot;
    if (reserved === undefined) return chooseIdle(this.slots);
    return reserved.inFlight === 0 && !reserved.retiring ? reserved : chooseIdle(this.slots);
  }

  #grow(now: number): void {
    const { patienceMs, lagMs } = this.context.ticker;
    const mayGrow = this.opening === 0 && this.#mayOpen(now) && this.server.mayOpenSpare(now);
    const growth = this.#growth.look(this.slots, { late: lagMs > 0, mayGrow, now });
    if (growth === 'grow') this.server.openSpare(this, now);
    if (growth === 'shrink') chooseBackend(this.slots, { now, patienceMs, depth: PIPELINE_DEPTH })?.retire();
  }

  /** What takes long never has all the connections that the tenant may have. */
  #mayStartLong(): boolean {
    let alone = 0;
    for (const slot of this.slots) if (slot.alone) alone++;
    return alone < Math.max(1, this.tenant.registration.maxConnections - 1);
  }

  #drain(queue: WorkList, now: number): void {
    const { tenant, counters } = this;
    while (queue.head !== undefined && tenant.mayRun) {
      const work = queue.head;
      // What was not known when it came may be known by now.
      const { kind } = work;
      if (this.#queues.turnedLong(work, kind)) continue;
      const slot = this.#slotFor(kind, now);
      if (slot === undefined) {
        if (kind === 'probe' || (kind === 'long' && this.#mayStartLong() && !this.#mayOpen(now)))
          this.#reservation.make(this.slots, this.context.ticker.patienceMs, now);
        return;
      }
      queue.remove(work);
      tenant.waiting--;
      counters.waited(now - work.queuedAt, now);
      this.#start(work, slot, kind, now);
    }
  }

  #start(work: Work, slot: Slot, kind: WorkKind, now: number): void {
    this.tenant.running++;
    this.#reservation.end(slot);
    slot.start(work, kind !== 'quick', now);
  }

  #mayOpen(now: number): boolean {
    return this.opening > 0 || (this.tenant.room > 0 && this.#connections.mayOpen(now) && this.server.spare(now) > 0);
  }

  /** What waits for it gets it first; only then others, for whom it would have to be closed. */
  #free(slot: Slot, now: number): void {
    slot.alone = false;
    slot.idleSince = now;
    if (this.tenant.waiting > 0) this.tenant.dispatch(now);
    if (slot.idle) this.server.becameIdle(now);
  }

  async #reset(slot: Slot): Promise<void> {
    if ((await slot.reset()) && !slot.retiring) this.#free(slot, performance.now());
    else slot.retire();
  }
}
