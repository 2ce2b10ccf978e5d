import { aborted, PoolError, preempted } from '../errors.ts';
import type { Backend, Field, ResultSink, Statement } from '../wire/backend.ts';
import { isWireError, type WireError } from '../wire/errors.ts';
import type { LoginPool } from './login-pool.ts';
import type { PoolSink } from './submit-request.ts';
import { CANCEL_AGAIN_MS, CANCEL_GIVE_UP_MS, GONE_GIVE_UP_MS } from './tuning.ts';
import { Work, type WorkKind } from './work.ts';

export interface LeaseOptions {
  /** `performance.now()` at which the connection is taken away, with a cancel of what runs on it. */
  readonly deadline: number;
  /** Aborted: the same at once. */
  readonly signal?: AbortSignal | undefined;
  /** On no replica: for what only a primary can do, which is serializable transactions among what reads. */
  readonly onPrimary?: boolean | undefined;
}

/** Called once: with the lease when it has its connection, or with the reason why it will not get one. */
export interface LeaseSettle {
  resolve(lease: Lease): void;
  reject(error: unknown): void;
}

/** A connection lent to one caller alone, from the moment that it is granted until `release`. */
export class Lease extends Work {
  readonly profile = undefined;
  readonly #options: LeaseOptions;
  readonly #settle: LeaseSettle;
  #backend: Backend | undefined = undefined;
  /** Why it may not be used any more. */
  #ended: PoolError | undefined = undefined;
  #cancelAt = Number.POSITIVE_INFINITY;
  #giveUpAt = Number.POSITIVE_INFINITY;

  constructor(pool: LoginPool, options: LeaseOptions, queuedAt: number, settle: LeaseSettle) {
    super(pool, queuedAt, options.deadline);
    this.#options = options;
    this.#settle = settle;
  }

  get kind(): WorkKind {
    return 'long';
  }

  get givenUp(): boolean {
    return this.#options.signal?.aborted === true;
  }

  begin(backend: Backend): void {
    this.#backend = backend;
    this.slot?.forgetOthers(backend);
    this.#settle.resolve(this);
  }

  refuse(error: PoolError): void {
    this.#settle.reject(error);
  }

  moveOn(): void {
    // It is alone on its connection.
  }

  lost(error: WireError | undefined): void {
    this.#ended ??= released('Its connection has ended.', error);
    this.#giveBack(true);
  }

  preempt(now: number): void {
    this.#end(preempted(), now, CANCEL_GIVE_UP_MS);
  }

  revoke(error: PoolError, now: number): void {
    this.#end(error, now, GONE_GIVE_UP_MS);
  }

  tick(now: number): void {
    if (this.#ended === undefined) {
      if (this.givenUp) this.#end(aborted(), now, GONE_GIVE_UP_MS);
      else if (now >= this.deadline) {
        this.#end(new PoolError('statement_timeout', 'The connection was taken back at its deadline.'), now, CANCEL_GIVE_UP_MS);
      }
      return;
    }
    if (now < this.#cancelAt) return;
    if ((this.#backend?.inFlight ?? 0) === 0) return this.#giveBack(true);
    if (now >= this.#giveUpAt) return this.slot?.end(now);
    this.#cancelAt = now + CANCEL_AGAIN_MS;
    this.slot?.cancel();
  }

  /** The connection; throws the reason when it is not this caller's any more. */
  use(): Backend {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#backend === undefined) throw released('It has no connection.');
    return this.#backend;
  }

  /** Sends one statement; what ends it meanwhile (deadline, abort, removal) is what the sink is told. */
  execute(statement: Statement, sink: PoolSink): void {
    const backend = this.use();
    backend.execute(statement, new LeaseStatement(this, sink));
  }

  /** The types (OIDs) of a text's parameters, as what runs on this connection finds them. */
  async describe(text: string): Promise<readonly number[]> {
    try {
      return (await this.use().describe(text)).parameterOids;
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** One simple statement of ours. */
  async command(text: string): Promise<void> {
    try {
      await this.use().command(text);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** @throws PoolError `transaction_rolled_back` when one of its statements had failed; it is rolled back then. */
  async commit(): Promise<void> {
    const failed = this.use().transactionStatus === 'E';
    await this.command(failed ? 'rollback' : 'commit');
    if (failed)
      throw new PoolError('transaction_rolled_back', 'A statement of the transaction had failed: nothing of it was kept.');
  }

  /** The reason for which a statement failed, as its caller is to see it. */
  explain(error: unknown): unknown {
    return isWireError(error) && (error.sqlstate === '57014' || error.code === 'connection_lost')
      ? (this.#ended ?? error)
      : error;
  }

  /** Gives the connection back. `clean`: nothing can have been left on the session. Idempotent. */
  release(clean = false): void {
    if (this.#ended === undefined) {
      this.#ended = released('It was given back.');
      this.#giveBack(false, clean);
    }
  }

  #end(error: PoolError, now: number, giveUpMs: number): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    if (this.slot === undefined) return this.refuse(error);
    this.slot.retiring = true;
    this.slot.cutOff();
    this.#cancelAt = now;
    this.#giveUpAt = now + giveUpMs;
    this.tick(now);
  }

  #giveBack(close: boolean, clean = false): void {
    const { slot } = this;
    if (slot === undefined) return;
    const now = performance.now();
    const ms = now - slot.headSince;
    this.slot = undefined;
    slot.ended(this, now);
    this.pool.ended(ms, slot.alone, now);
    // What is still in flight belongs to nobody who would wait for it.
    if (close || (this.#backend?.inFlight ?? 0) > 0) slot.retiring = true;
    this.#backend?.resume();
    this.pool.released(slot, now, !clean);
  }
}

class LeaseStatement implements ResultSink {
  readonly #lease: Lease;
  readonly #sink: PoolSink;

  constructor(lease: Lease, sink: PoolSink) {
    this.#lease = lease;
    this.#sink = sink;
  }

  columns(fields: readonly Field[]): void {
    this.#sink.columns(fields);
  }

  row(buffer: Buffer, start: number, end: number): void {
    this.#sink.row(buffer, start, end);
  }

  complete(commandTag: string): void {
    this.#sink.complete(commandTag);
  }

  failed(error: WireError): void {
    const explained = this.#lease.explain(error);
    this.#sink.failed(explained instanceof PoolError ? explained : error);
  }
}

const released = (why: string, cause?: unknown): PoolError =>
  new PoolError('connection_released', `This connection cannot be used any more. ${why}`, { cause });
