import type { Candidate } from '../scheduling/choose-backend.ts';
import type { Occupied } from '../scheduling/preempt.ts';
import type { Holding } from '../scheduling/turns.ts';
import type { Backend } from '../wire/backend.ts';
import type { LoginPool } from './login-pool.ts';
import { resetSession } from './reset-session.ts';
import type { Tenant } from './tenant.ts';
import { CLOSE_GIVE_UP_MS, LEAVING_COUNTS_MS, RESCUE_AFTER_MS, RESET_GIVE_UP_MS } from './tuning.ts';
import { type Work, WorkList } from './work.ts';

/** One connection of the budget, from before it is opened until the server has closed it. */
export class Slot implements Candidate, Holding, Occupied {
  readonly pool: LoginPool;
  readonly running = new WorkList();
  /** Breaks off the attempt to open it. */
  readonly opening = new AbortController();
  backend: Backend | undefined = undefined;
  openedAt: number;
  idleSince: number;
  headSince = 0;
  /** What runs on it, or is being cleaned up after, must have it alone. */
  alone = false;
  /** Gets no new work until it is idle, for work that must be alone. */
  reserved = false;
  /** Gets no new work any more, and is closed when what runs has ended. */
  retiring = false;
  /** A cancel was sent to it at some time: 57014 may have been meant for a neighbour. */
  cancelled = false;
  /** Statements of the shared lane have run on it since it was opened or reset. */
  shared = false;
  /** Opened only for the server to be asked to end other sessions of the login. */
  toEnd = false;
  /** Since when the server is asked to end its session. */
  endingSince = Number.POSITIVE_INFINITY;
  #preemptedAt: number | undefined = undefined;
  #cancelling = false;
  #cutOff = false;
  #dropped = false;
  #closingSince: number | undefined = undefined;
  #resetSince = Number.POSITIVE_INFINITY;

  constructor(pool: LoginPool, now: number) {
    this.pool = pool;
    this.openedAt = now;
    this.idleSince = now;
  }

  get open(): boolean {
    return this.backend !== undefined && !this.alone && !this.reserved && !this.retiring;
  }

  get inFlight(): number {
    return this.running.length;
  }

  get idle(): boolean {
    return this.backend !== undefined && !this.alone && !this.retiring && this.running.length === 0;
  }

  get taken(): boolean {
    return this.retiring || this.backend === undefined;
  }

  get tenant(): Tenant {
    return this.pool.tenant;
  }

  get preempted(): boolean {
    return this.#preemptedAt !== undefined;
  }

  get held(): number {
    return this.pool.server.heldBy(this.pool.tenant);
  }

  get gapMs(): number {
    return this.pool.tenant.gapMs;
  }

  get lastUsed(): number {
    return this.pool.lastUsed;
  }

  start(work: Work, alone: boolean, now: number): void {
    const { backend } = this;
    if (backend === undefined) return;
    if (this.running.length === 0) this.headSince = now;
    this.alone = alone;
    this.reserved = false;
    work.slot = this;
    this.running.push(work);
    work.begin(backend, now);
  }

  /** Before one caller has it alone: what a session remembers of sequences that others have used on it is nobody else's. */
  forgetOthers(backend: Backend): void {
    if (!this.shared) return;
    this.shared = false;
    backend.command('discard sequences').catch(() => {
      this.retiring = true;
    });
  }

  /** Takes ended work off; the turn of the next has come. */
  ended(work: Work, now: number): void {
    this.running.remove(work);
    this.headSince = now;
  }

  /** Brings the session back to how its login left it. False: it is not known to be there. */
  async reset(): Promise<boolean> {
    const { backend } = this;
    if (backend === undefined || backend.state !== 'ready' || backend.inFlight > 0) return false;
    this.shared = false;
    this.#resetSince = performance.now();
    try {
      return await resetSession(backend);
    } catch {
      return false;
    } finally {
      this.#resetSince = Number.POSITIVE_INFINITY;
    }
  }

  /** It gives way, and soon: one that has long been at what it does, or at being closed, may take longer still. */
  isLeaving(now: number): boolean {
    if (!this.retiring) return false;
    const since = this.#closingSince ?? this.#preemptedAt ?? (this.backend === undefined ? this.openedAt : this.headSince);
    return now - since <= LEAVING_COUNTS_MS;
  }

  /** What runs on it is cancelled, for others who wait for a connection. */
  preempt(now: number): void {
    this.#preemptedAt = now;
    this.running.head?.preempt(now);
    this.retire();
  }

  retire(): void {
    this.retiring = true;
    this.closeWhenDone();
  }

  closeWhenDone(): void {
    if (!this.retiring || this.running.length > 0 || this.#cancelling || this.#closingSince !== undefined) return;
    // One that is being opened is closed when it is open: an attempt that is broken off may live on at the server.
    if (this.backend === undefined) return;
    this.#closingSince = performance.now();
    this.backend.close();
  }

  /** Asks the server to cancel what runs, which may by then be a neighbour: so nothing is sent to it any more, and it is closed. */
  cancel(): void {
    this.retiring = true;
    if (this.backend === undefined || this.#cancelling) return;
    this.cutOff();
    this.cancelled = true;
    this.#cancelling = true;
    // A server that cannot send does not see the cancel.
    this.backend.resume();
    const done = (): void => {
      this.#cancelling = false;
      this.closeWhenDone();
    };
    this.backend.cancel().then(done, done);
  }

  /** What ran on it has been given up by its caller, or at its deadline, and it is to be closed for that. */
  cutOff(): void {
    if (!this.#cutOff) this.pool.tenant.hasCancelled(performance.now());
    this.#cutOff = true;
  }

  /** What runs on it has outlived its cancel: the server is asked to end its session, and it counts until that has happened. */
  end(now: number): void {
    if (this.endingSince !== Number.POSITIVE_INFINITY) return;
    this.endingSince = now;
    this.retiring = true;
    this.cutOff();
    this.pool.endSession(this, now);
  }

  /** Ends it at this end; whether the server has let go of it is not known for a while. */
  destroy(): void {
    this.retiring = true;
    this.#dropped = true;
    this.opening.abort();
    this.backend?.destroy();
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  /** Deadlines of what runs; and what waits behind a statement that takes long runs elsewhere where it may. */
  tick(now: number, lagMs: number): void {
    const head = this.running.head;
    if (head === undefined) return;
    const rescue = !this.alone && this.running.length > 1 && now - this.headSince > RESCUE_AFTER_MS + lagMs;
    // One whose connection is dropped takes the others off it, and they wait elsewhere.
    for (let work: Work | undefined = head; work?.list === this.running;) {
      const next: Work | undefined = work.next;
      work.tick(now);
      if (rescue && work !== head && work.list === this.running) work.moveOn(now);
      work = next;
    }
  }

  /** Drops it when the server answers neither a goodbye nor a reset: nobody else waits for those. */
  maintain(now: number): void {
    const isStuck = this.#closingSince !== undefined && now - this.#closingSince > CLOSE_GIVE_UP_MS;
    if (isStuck || now - this.#resetSince > RESET_GIVE_UP_MS) this.destroy();
  }
}
