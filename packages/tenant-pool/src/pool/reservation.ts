import { chooseBackend } from '../scheduling/choose-backend.ts';
import type { Slot } from './slot.ts';

/** The one connection of a pool, if any, that gets no new work until it is idle, for work that must be alone on it. */
export class Reservation {
  #slot: Slot | undefined = undefined;

  get slot(): Slot | undefined {
    return this.#slot;
  }

  /** Chooses one, unless one is reserved that will come free. */
  make(slots: readonly Slot[], patienceMs: number, now: number): void {
    if (this.#slot !== undefined && !this.#slot.retiring) return;
    const slot = chooseBackend(slots, { now, patienceMs, depth: Number.POSITIVE_INFINITY });
    if (slot === undefined) return;
    slot.reserved = true;
    this.#slot = slot;
  }

  /** It is not needed any more; with a `slot`, if it is that one. */
  end(slot = this.#slot): void {
    if (slot === undefined || slot !== this.#slot) return;
    slot.reserved = false;
    this.#slot = undefined;
  }
}
