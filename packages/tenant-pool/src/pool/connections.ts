import { PoolError } from '../errors.ts';
import { backoffMs, connectFailureError, judgeConnectFailure } from '../scheduling/connect-failure.ts';
import type { Backend } from '../wire/backend.ts';
import { isWireError } from '../wire/errors.ts';
import { connectLogin } from './connect.ts';
import { Endings } from './endings.ts';
import type { LoginPool } from './login-pool.ts';
import { Slot } from './slot.ts';
import { LIMIT_BACKOFF_MS, LOGIN_BACKOFF_MS } from './tuning.ts';

/** The connections of one pool: how they come and go. */
export class Connections {
  readonly slots: Slot[] = [];
  opening = 0;
  /** Why the last one could not be opened; undefined once one was. */
  failure: PoolError | undefined = undefined;
  readonly #pool: LoginPool;
  #endings: Endings | undefined = undefined;
  #failures = 0;
  #notBefore = 0;

  constructor(pool: LoginPool) {
    this.#pool = pool;
  }

  /** After a login was refused, or the tenant has had many statements cut off, none is opened for a while. */
  mayOpen(now: number): boolean {
    return now >= this.#notBefore && this.#pool.tenant.mayOpen(now);
  }

  /** Why none could be opened, for who has waited for one in vain. */
  failureToTell(now: number): PoolError | undefined {
    const failure = this.failure ?? this.#pool.server.logins.failure(now);
    return failure && new PoolError(failure.code, failure.message, { cause: failure.cause });
  }

  forgetFailure(): void {
    this.failure = undefined;
    this.#failures = 0;
    this.#notBefore = 0;
  }

  /** `toEnd`: for nothing but the server to be asked to end others. */
  open(now: number, toEnd = false): Slot {
    const slot = new Slot(this.#pool, now);
    slot.toEnd = toEnd;
    this.slots.push(slot);
    this.opening++;
    connectLogin(this.#pool, slot.opening.signal).then(
      (backend) => this.#opened(slot, backend),
      (error: unknown) => this.#notOpened(slot, error),
    );
    return slot;
  }

  remove(slot: Slot): void {
    slot.retiring = true;
    this.slots.splice(this.slots.indexOf(slot), 1);
    this.#endings?.gone(slot);
  }

  /** Has the server end the connection's session. */
  end(slot: Slot, now: number): void {
    (this.#endings ??= new Endings(this.#pool)).add(slot, now);
  }

  tick(now: number): void {
    this.#endings?.tick(now);
  }

  #opened(slot: Slot, backend: Backend): void {
    const now = performance.now();
    this.opening--;
    this.#pool.counters.opened++;
    this.forgetFailure();
    this.#pool.server.openingEnded(slot, now, true);
    slot.backend = backend;
    slot.openedAt = now;
    slot.idleSince = now;
    void backend.closed.then((reason) => {
      for (const work of slot.running.toArray()) work.lost(reason);
      const ended = performance.now();
      this.#pool.counters.closed++;
      this.#pool.counters.connectionMs += ended - slot.openedAt;
      if (reason !== undefined && this.#pool.role === 'replica') this.#pool.tenant.replicaFailed(ended);
      this.#pool.gone(slot, !slot.dropped);
    });
    this.#pool.context.ticker.watch(this.#pool);
    this.#endings?.opened(slot, now);
    this.#pool.released(slot, now, false);
  }

  #notOpened(slot: Slot, error: unknown): void {
    this.opening--;
    const now = performance.now();
    if (!slot.retiring) this.#failed(error, now);
    this.#pool.server.openingEnded(slot, now, false);
    this.#pool.gone(slot, !slot.dropped && !isWireTimeout(error));
  }

  #failed(error: unknown, now: number): void {
    const { tenant, server, role, context } = this.#pool;
    const failure = judgeConnectFailure(error);
    const told = connectFailureError(failure, tenant.id, error);
    if (failure.scope !== 'limit') this.#endings?.notReached();
    if (failure.scope === 'server') {
      server.logins.notReached(told, now);
    } else {
      const backoff = failure.scope === 'limit' ? LIMIT_BACKOFF_MS : LOGIN_BACKOFF_MS;
      this.failure = told;
      this.#notBefore = now + backoffMs(++this.#failures, backoff.first, backoff.longest);
    }
    context.logger?.warn({ tenant_id: tenant.id, role, code: told.code }, told.message);
    if (role === 'replica') tenant.replicaFailed(now);
  }
}

const isWireTimeout = (error: unknown): boolean => isWireError(error) && error.code === 'connect_timeout';
