import type { PoolError } from '../errors.ts';
import { backoffMs } from '../scheduling/connect-failure.ts';
import type { Slot } from './slot.ts';
import { FAILURE_COUNTS_MS, LOGIN_COUNTS_MS, LOGINS_AT_ONCE, SERVER_BACKOFF_MS, SWITCH_MS } from './tuning.ts';

const SWITCH_WEIGHT = 0.1;

/** The logins to one server: how many are under way, how long they take, and whether it can be reached at all. */
export class ServerLogins {
  /** How long it takes to open a connection, on average. */
  switchMs: number = SWITCH_MS.least;
  readonly #underWay = new Set<Slot>();
  #failures = 0;
  #notBefore = 0;
  #failure: PoolError | undefined = undefined;
  #failedAt = 0;

  /** Whether one more may begin now. */
  mayBegin(now: number): boolean {
    // A server that could not be reached is tried with one connection, not with one for each tenant that waits.
    return this.#failures > 0 ? this.#underWay.size === 0 : this.underWay(now) < LOGINS_AT_ONCE;
  }

  /** The server could not be reached, and is left alone for a while. */
  pauses(now: number): boolean {
    return now < this.#notBefore;
  }

  /** One that takes long does not count: it may be that tenant's password that cannot be had. */
  underWay(now: number): number {
    let underWay = 0;
    for (const slot of this.#underWay) if (now - slot.openedAt < LOGIN_COUNTS_MS) underWay++;
    return underWay;
  }

  begins(slot: Slot): void {
    this.#underWay.add(slot);
  }

  ended(slot: Slot, now: number, opened: boolean): void {
    this.#underWay.delete(slot);
    if (!opened) return;
    const ms = Math.min(SWITCH_MS.most, Math.max(SWITCH_MS.least, now - slot.openedAt));
    this.switchMs += (ms - this.switchMs) * SWITCH_WEIGHT;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#failure = undefined;
  }

  notReached(failure: PoolError, now: number): void {
    this.#failure = failure;
    this.#failedAt = now;
    this.#notBefore = now + backoffMs(++this.#failures, SERVER_BACKOFF_MS.first, SERVER_BACKOFF_MS.longest);
  }

  /** Why it could not be reached when that was last tried, unless that is long ago: whoever waits for it has it tried every few seconds. */
  failure(now: number): PoolError | undefined {
    return now - this.#failedAt < FAILURE_COUNTS_MS ? this.#failure : undefined;
  }
}
