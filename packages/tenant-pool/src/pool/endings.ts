import { chooseBackend } from '../scheduling/choose-backend.ts';
import type { Backend } from '../wire/backend.ts';
import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';
import { END_AGAIN_MS, END_ANSWER_MS, END_GIVE_UP_MS } from './tuning.ts';
import { Work, type WorkKind } from './work.ts';

/**
 * Sessions of one login whose statement outlives every cancel, as code may that catches it. Dropping the connection would only hide such a session: so
 * the server is asked to end it, by the same login on another connection, and it counts until the server has. Dropped are those of a server that cannot
 * be asked.
 */
export class Endings {
  readonly #pool: LoginPool;
  readonly #slots = new Set<Slot>();
  #askAt = 0;

  constructor(pool: LoginPool) {
    this.#pool = pool;
  }

  add(slot: Slot, now: number): void {
    this.#slots.add(slot);
    this.tick(now);
  }

  gone(slot: Slot): void {
    this.#slots.delete(slot);
  }

  tick(now: number): void {
    if (this.#slots.size === 0) return;
    for (const slot of this.#slots) if (now - slot.endingSince >= END_GIVE_UP_MS) slot.destroy();
    if (now < this.#askAt) return;
    this.#askAt = now + END_AGAIN_MS;
    const { patienceMs } = this.#pool.context.ticker;
    const slot = chooseBackend(this.#pool.slots, { now, patienceMs, depth: Number.POSITIVE_INFINITY });
    if (slot === undefined) this.#pool.server.wantToEnd(this.#pool, now);
    else this.#askOn(slot, now);
  }

  /** A connection has been opened; one that was opened for this alone is closed again. */
  opened(slot: Slot, now: number): void {
    if (this.#slots.size > 0) this.#askOn(slot, now);
    if (slot.toEnd) slot.retire();
  }

  /** A connection could not be opened, and not only because there were too many. */
  notReached(): void {
    for (const slot of this.#slots) slot.destroy();
  }

  #askOn(slot: Slot, now: number): void {
    const processIds: number[] = [];
    for (const { backend } of this.#slots) if (backend !== undefined) processIds.push(backend.processId);
    slot.start(new Ending(this.#pool, processIds, now), false, now);
  }
}

/** Asks the server to end sessions of the login. */
class Ending extends Work {
  readonly kind: WorkKind = 'quick';
  readonly profile = undefined;
  readonly givenUp = false;
  readonly #processIds: readonly number[];

  constructor(pool: LoginPool, processIds: readonly number[], now: number) {
    super(pool, now, now + END_ANSWER_MS);
    this.#processIds = processIds;
  }

  begin(backend: Backend): void {
    const ended = (): void => this.#ended();
    // Qualified: a tenant has a say in what other names mean.
    const each = this.#processIds.map((processId) => `pg_catalog.pg_terminate_backend(${processId})`);
    backend.command(`select ${each.join(', ')}`).then(ended, ended);
  }

  /** While something else has its turn on the connection, that and not the server is what it waits for. */
  tick(now: number): void {
    const { slot } = this;
    if (slot !== undefined && slot.running.head === this && now - slot.headSince >= END_ANSWER_MS) slot.destroy();
  }

  lost(): void {
    this.#ended();
  }

  refuse(): void {
    // It never waits.
  }

  moveOn(): void {
    // The server is asked again soon, on another connection.
  }

  revoke(): void {
    // Its connection is closed after it.
  }

  preempt(): void {
    // As above.
  }

  #ended(): void {
    const { slot } = this;
    if (slot === undefined) return;
    const now = performance.now();
    this.slot = undefined;
    slot.ended(this, now);
    this.pool.released(slot, now, false);
  }
}
