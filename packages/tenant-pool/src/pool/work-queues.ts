import type { StatementProfile } from '../scheduling/statement-profiles.ts';
import { GROW_AFTER_MS, GROW_SURE_AFTER_MS } from './tuning.ts';
import { type Work, type WorkKind, WorkList } from './work.ts';

/** What waits for a connection of one login, by kind, each in the order in which it came. */
export class WorkQueues {
  readonly quick = new WorkList();
  readonly probe = new WorkList();
  readonly long = new WorkList();
  readonly #all = [this.quick, this.probe, this.long] as const;

  get length(): number {
    return this.quick.length + this.probe.length + this.long.length;
  }

  /** When the oldest of it came. */
  get oldestAt(): number {
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const { head } of this.#all) if (head !== undefined) oldestAt = Math.min(oldestAt, head.queuedAt);
    return oldestAt;
  }

  /** Before what came later. */
  insert(work: Work): void {
    this[work.kind].insertByAge(work);
  }

  /** What was taken for short, or not known, when it came, and is known to be long by now. */
  turnedLong(work: Work, kind: WorkKind): boolean {
    if (kind !== 'long' || work.list === this.long) return false;
    work.list?.remove(work);
    this.long.insertByAge(work);
    return true;
  }

  toArray(): Work[] {
    return this.#all.flatMap((queue) => queue.toArray());
  }

  /** Calls back for what has waited until its time, or whose caller has given up. */
  forEachDue(now: number, due: (work: Work) => void): void {
    for (const queue of this.#all) {
      for (let work = queue.head; work !== undefined;) {
        const { next }: Work = work;
        if (work.givenUp || now >= work.waitUntil) due(work);
        work = next;
      }
    }
  }

  /**
   * How many connections more are called for by what has waited for long, counted up to `most`. What is short waits for a while for the connections that
   * it may share, when there are any; so does a text that is not known while it is being tried, because it is likely to turn out short.
   */
  overdue(now: number, most: number, { shared, long }: { readonly shared: boolean; readonly long: boolean }): number {
    const soon = now - GROW_AFTER_MS;
    const late = now - GROW_SURE_AFTER_MS;
    let overdue = 0;
    if (shared) {
      if (this.quick.head !== undefined && this.quick.head.queuedAt < late) overdue++;
    } else {
      for (let work = this.quick.head; work !== undefined && work.queuedAt < soon && overdue < most; work = work.next) overdue++;
    }
    const tried = new Set<StatementProfile>();
    for (let work = this.probe.head; work !== undefined && work.queuedAt < soon && overdue < most; work = work.next) {
      const { profile } = work;
      if (profile === undefined || work.queuedAt < late || !tried.has(profile)) overdue++;
      if (profile !== undefined) tried.add(profile);
    }
    if (!long) return overdue;
    for (let work = this.long.head; work !== undefined && work.queuedAt < soon && overdue < most; work = work.next) overdue++;
    return overdue;
  }
}
