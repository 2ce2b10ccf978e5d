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

  /** How many have waited for longer, counted up to `most`; of what takes long only with `long`. */
  overdue(since: number, most: number, long: boolean): number {
    let overdue = 0;
    for (const queue of this.#all) {
      if (queue === this.long && !long) continue;
      for (let work = queue.head; work !== undefined && work.queuedAt < since && overdue < most; work = work.next) overdue++;
    }
    return overdue;
  }
}
