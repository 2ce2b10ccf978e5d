import { aborted, PoolError, preempted } from '../errors.ts';
import { mayRunAfterLoss, mayRunAfterStrayCancel } from '../scheduling/rerun.ts';
import type { StatementProfile } from '../scheduling/statement-profiles.ts';
import type { Backend, Execution, Field, ParameterValue, ResultSink, Statement } from '../wire/backend.ts';
import { WireError } from '../wire/errors.ts';
import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';
import type { PoolSink, StreamControl, SubmissionHandle, SubmitRequest } from './submit-request.ts';
import { ABORT_GRACE_MS, CANCEL_AGAIN_MS, CANCEL_GIVE_UP_MS, GONE_GIVE_UP_MS } from './tuning.ts';
import { Work, type WorkKind } from './work.ts';

/** One statement of one caller: waits, runs (again where it may), answers. It is its own statement and sink, so that a run allocates nothing else. */
export class Submission extends Work implements ResultSink, Statement, StreamControl, SubmissionHandle {
  readonly text: string;
  readonly params: readonly ParameterValue[];
  readonly request: SubmitRequest;
  readonly sink: PoolSink;
  readonly profile: StatementProfile | undefined;
  prepare = false;
  attempts = 0;
  #execution: Execution | undefined = undefined;
  /** The sink has been told the end, or another run of the statement will tell it: what comes now is thrown away. */
  #told = false;
  #paused = false;
  /** Columns or rows have reached the sink. */
  #begun = false;
  /** Why it is being cancelled, where its caller is to be told so once it has been. */
  #ending: ((cause?: WireError) => PoolError) | undefined = undefined;
  #cancelAt = Number.POSITIVE_INFINITY;
  #cancelledAt: number | undefined = undefined;
  #giveUpMs = CANCEL_GIVE_UP_MS;
  #successor: Submission | undefined = undefined;

  constructor(pool: LoginPool, request: SubmitRequest, sink: PoolSink, queuedAt: number) {
    super(pool, queuedAt, request.deadline);
    this.request = request;
    this.text = request.text;
    this.params = request.params;
    this.sink = sink;
    this.profile = request.lane === 'shared' ? pool.profiles.of(request.text) : undefined;
  }

  get touched(): boolean {
    return this.#begun && this.sink.restart === undefined;
  }

  get repeatable(): boolean {
    return this.request.repeatable;
  }

  get kind(): WorkKind {
    if (this.request.lane === 'own') return 'long';
    const { profile } = this;
    if (profile === undefined || !profile.known) return 'probe';
    return profile.isShort ? 'quick' : 'long';
  }

  get givenUp(): boolean {
    return this.request.signal?.aborted === true;
  }

  begin(backend: Backend): void {
    this.attempts++;
    if (this.#begun) this.sink.restart?.();
    this.#begun = false;
    // A text that is met for the first time may be the last of its kind.
    this.prepare = this.profile !== undefined && this.profile.runs > 0;
    const isOwn = this.request.lane === 'own';
    if (!isOwn && this.slot !== undefined) this.slot.shared = true;
    if (isOwn) this.slot?.forgetOthers(backend);
    this.#execution = backend.execute(this, this);
    if (isOwn) this.sink.started?.(this);
  }

  columns(fields: readonly Field[]): void {
    this.#begun = true;
    if (this.#told) return;
    try {
      this.sink.columns(fields);
    } catch (fault) {
      this.#broken(fault);
    }
  }

  row(buffer: Buffer, start: number, end: number): void {
    if (this.#told) return;
    try {
      this.sink.row(buffer, start, end);
    } catch (fault) {
      this.#broken(fault);
    }
  }

  /** What only reads need not be read to its end: it is cancelled, unless it soon has ended. */
  refused(error: WireError): void {
    if (this.#told || !this.repeatable) return;
    this.#cancelBy(performance.now() + ABORT_GRACE_MS, GONE_GIVE_UP_MS);
    this.tell(error);
  }

  complete(commandTag: string): void {
    const { slot } = this;
    if (slot === undefined) return;
    const now = this.#ended(slot);
    if (!this.#told) {
      this.#told = true;
      try {
        this.sink.complete(commandTag);
      } catch (fault) {
        this.#broken(fault);
      }
    }
    this.pool.released(slot, now, this.request.lane === 'own');
  }

  failed(error: WireError): void {
    const { slot } = this;
    if (slot === undefined) return;
    const now = this.#ended(slot);
    if (error.code !== 'postgres' && error.code !== 'bad_statement' && error.code !== 'message_too_large') slot.retiring = true;
    if (this.profile !== undefined) this.profile.parameters = undefined;
    this.pool.counters.errors++;
    if (!this.#told) this.#answerFailure(error, slot);
    this.pool.released(slot, now, this.request.lane === 'own');
  }

  #answerFailure(error: WireError, slot: Slot): void {
    if (error.code === 'connection_lost') {
      if (this.#ending === undefined && mayRunAfterLoss(this, error.started !== false)) return this.pool.again(this);
    } else if (error.sqlstate === '57014') {
      if (this.#ending !== undefined) return this.tell(this.#ending(error));
      if (slot.cancelled && this.request.lane === 'shared' && mayRunAfterStrayCancel(this)) return this.pool.again(this);
    } else if (error.sqlstate === '40001' && this.pool.role === 'replica' && mayRunAfterLoss(this, true)) {
      // The replica's own conflict with what it replays: the primary has none.
      return this.pool.again(this);
    }
    this.tell(error);
  }

  /** Unlinks it and counts it; `performance.now()`. */
  #ended(slot: Slot): number {
    const now = performance.now();
    const ms = now - slot.headSince;
    this.profile?.learn(ms, this.pool.context.ticker.lagMs);
    // Its result has come whole, and the connection is not its any more.
    if (this.#paused) this.resume();
    this.slot = undefined;
    slot.ended(this, now);
    this.pool.ended(ms, slot.alone, now);
    return now;
  }

  /** Only from inside a callback of the connection. */
  tell(error: PoolError | WireError): void {
    if (this.#told) return;
    this.#told = true;
    try {
      this.sink.failed(error);
    } catch (fault) {
      this.#broken(fault);
    }
  }

  /** A sink that breaks its promise and throws must not harm its neighbours: it hears no more, and the fault surfaces as any other uncaught one. */
  #broken(fault: unknown): void {
    this.#told = true;
    queueMicrotask(() => {
      throw fault;
    });
  }

  /** From anywhere else: never inside of the caller's own call, nor inside of a sweep. */
  refuse(error: PoolError): void {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => this.sink.failed(error));
  }

  abort(): void {
    if (this.#successor !== undefined) return this.#successor.abort();
    if (this.#told) return;
    this.pool.leave(this);
    this.#cancelBy(performance.now() + ABORT_GRACE_MS, GONE_GIVE_UP_MS);
    this.refuse(aborted());
  }

  preempt(now: number): void {
    if (this.#told) this.#cancelAt = Math.min(this.#cancelAt, now);
    else this.#endBy(preempted, now);
  }

  revoke(error: PoolError, now: number): void {
    this.#cancelBy(now, GONE_GIVE_UP_MS);
    this.refuse(error);
  }

  tick(now: number): void {
    if (!this.#told) {
      if (this.givenUp) this.abort();
      else if (now >= this.deadline) this.#endBy(timedOut, now);
    }
    if (now >= this.#cancelAt) this.#cancel(now);
  }

  /** A statement whose turn has not come cannot be taken back: it is cancelled when it comes. */
  #cancel(now: number): void {
    const { slot } = this;
    if (slot === undefined) return;
    if (this.#execution?.started !== true) {
      if (now - this.deadline >= CANCEL_GIVE_UP_MS) this.refuse(timedOut());
      return;
    }
    this.#cancelledAt ??= now;
    if (now - this.#cancelledAt >= this.#giveUpMs) {
      this.refuse((this.#ending ?? timedOut)());
      return slot.end(now);
    }
    this.#cancelAt = now + CANCEL_AGAIN_MS;
    slot.cancel();
  }

  /** Something that runs long is ahead of it: a statement that may run twice is run elsewhere, and what comes of this run is thrown away. */
  moveOn(now: number): void {
    if (this.#told || this.#ending !== undefined || now >= this.deadline) return;
    if (!this.repeatable || this.touched || this.#execution?.started !== false) return;
    const successor = new Submission(this.pool, this.request, this.sink, this.queuedAt);
    successor.attempts = this.attempts;
    this.#successor = successor;
    this.#told = true;
    this.#cancelBy(this.deadline, CANCEL_GIVE_UP_MS);
    this.pool.again(successor);
  }

  lost(error: WireError | undefined): void {
    // A connection that ends fails every statement on it first; this is for one that would not.
    this.failed(error ?? new WireError('connection_lost', 'The connection has ended.', { started: true }));
  }

  pause(): void {
    const { slot } = this;
    if (slot === undefined || this.#told || this.request.lane !== 'own') return;
    if (this.#ending !== undefined) return this.refuse(this.#ending());
    this.#paused = true;
    slot.backend?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.slot !== undefined && this.request.lane === 'own') this.slot.backend?.resume();
  }

  #endBy(why: (cause?: WireError) => PoolError, now: number): void {
    if (this.#ending !== undefined) return;
    this.#ending = why;
    // To a caller who takes no more nothing can be told in its turn.
    const isTold = this.#paused || (this.#execution?.started === false && this.repeatable);
    this.#cancelBy(now, CANCEL_GIVE_UP_MS);
    if (isTold) this.refuse(why());
  }

  #cancelBy(at: number, giveUpMs: number): void {
    this.#cancelAt = at;
    this.#giveUpMs = giveUpMs;
    this.resume();
  }
}

const timedOut = (cause?: WireError): PoolError =>
  new PoolError('statement_timeout', 'The statement ran into its deadline and was cancelled.', { cause });
