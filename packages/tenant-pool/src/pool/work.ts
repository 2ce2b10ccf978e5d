import type { PoolError } from '../errors.ts';
import type { Backend } from '../wire/backend.ts';
import type { WireError } from '../wire/errors.ts';
import type { StatementProfile } from '../scheduling/statement-profiles.ts';
import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';

/**
 * What a piece of work needs: `quick` may share a connection's pipeline; `probe` is a text whose time is not known yet and `long` one that is known
 * to take its time, or that may leave state on the session. Both want a connection with nothing else on it.
 */
export type WorkKind = 'quick' | 'probe' | 'long';

/** Something that waits for a connection, or has one. Linked into exactly one list at a time, so that it can leave from the middle of it. */
export abstract class Work {
  previous: Work | undefined = undefined;
  next: Work | undefined = undefined;
  list: WorkList | undefined = undefined;
  slot: Slot | undefined = undefined;
  /** Where it waits or runs. */
  pool: LoginPool;

  /** When it came, `performance.now()`. */
  readonly queuedAt: number;
  /** When waiting for a connection ends. */
  waitUntil: number;
  /** When it must have ended. */
  readonly deadline: number;

  constructor(pool: LoginPool, queuedAt: number, deadline: number) {
    this.pool = pool;
    this.queuedAt = queuedAt;
    this.deadline = deadline;
    this.waitUntil = this.#waitsUntil(queuedAt);
  }

  /** Waits for a connection again. */
  waitAgain(pool: LoginPool, now: number): void {
    this.pool = pool;
    this.waitUntil = this.#waitsUntil(now);
  }

  #waitsUntil(now: number): number {
    return Math.min(this.deadline, now + this.pool.tenant.registration.connectionTimeoutMs);
  }

  abstract readonly kind: WorkKind;
  /** What is known of its text, where that is kept. */
  abstract readonly profile: StatementProfile | undefined;
  /** Has a connection from now on. */
  abstract begin(backend: Backend, now: number): void;
  /** Will not get one. */
  abstract refuse(error: PoolError): void;
  /** Called at each sweep while it waits: whether its caller has given up. */
  abstract readonly givenUp: boolean;
  /** Called at each sweep while it has a connection. */
  abstract tick(now: number): void;
  /** What is ahead of it on its connection takes long. */
  abstract moveOn(now: number): void;
  /** Its connection has ended with it on it. */
  abstract lost(error: WireError | undefined): void;
  /** It has had its connection for long, and others wait for one: what runs is cancelled. */
  abstract preempt(now: number): void;
  /** Its tenant is gone, or the manager closes: told so at once, and whatever runs is cancelled. */
  abstract revoke(error: PoolError, now: number): void;
}

/** A doubly linked list through the work itself. */
export class WorkList {
  head: Work | undefined = undefined;
  tail: Work | undefined = undefined;
  length = 0;

  push(work: Work): void {
    this.#insertAfter(this.tail, work);
  }

  /** In the order in which work came: for what had a connection already and lost it. */
  insertByAge(work: Work): void {
    let before = this.head;
    if (before === undefined || before.queuedAt > work.queuedAt) return this.#insertAfter(undefined, work);
    while (before.next !== undefined && before.next.queuedAt <= work.queuedAt) before = before.next;
    this.#insertAfter(before, work);
  }

  remove(work: Work): void {
    const { previous, next } = work;
    if (previous === undefined) this.head = next;
    else previous.next = next;
    if (next === undefined) this.tail = previous;
    else next.previous = previous;
    work.previous = undefined;
    work.next = undefined;
    work.list = undefined;
    this.length--;
  }

  /** All of it at this moment; the list may be changed meanwhile. */
  toArray(): Work[] {
    const all: Work[] = [];
    for (let work = this.head; work !== undefined; work = work.next) all.push(work);
    return all;
  }

  #insertAfter(before: Work | undefined, work: Work): void {
    const after = before === undefined ? this.head : before.next;
    work.previous = before;
    work.next = after;
    work.list = this;
    if (before === undefined) this.head = work;
    else before.next = work;
    if (after === undefined) this.tail = work;
    else after.previous = work;
    this.length++;
  }
}
