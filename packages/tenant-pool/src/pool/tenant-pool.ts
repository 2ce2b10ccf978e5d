import { isPoolError, PoolError } from '../errors.ts';
import { LeasedConnection, type PooledConnection } from '../library/connection.ts';
import type { QueryOptions, QueryResult, Transaction, TransactionOptions } from '../library/query-options.ts';
import { runQuery } from '../library/run-query.ts';
import { runTransaction } from '../library/run-transaction.ts';
import type { StatementProfile } from '../scheduling/statement-profiles.ts';
import type { RoleStats } from './counters.ts';
import { Lease, type LeaseOptions } from './lease.ts';
import type { LoginPool } from './login-pool.ts';
import { SharedAsk } from './shared-ask.ts';
import { Submission } from './submission.ts';
import type { PoolSink, SubmissionHandle, SubmitRequest } from './submit-request.ts';
import type { PoolMode, Tenant } from './tenant.ts';

const NOTHING_TO_ABORT: SubmissionHandle = {
  abort() {
    // The sink is told already.
  },
};

/** The connections of one tenant in one mode. Cheap to make and to keep; it holds no connection of its own. */
export class TenantPool {
  readonly mode: PoolMode;
  readonly #tenant: Tenant;
  readonly #timeoutMs: number;

  constructor(tenant: Tenant, mode: PoolMode, timeoutMs: number) {
    this.#tenant = tenant;
    this.mode = mode;
    this.#timeoutMs = timeoutMs;
  }

  get tenantId(): string {
    return this.#tenant.id;
  }

  /**
   * Runs one statement and hands its answer on as bytes; what the gateway is built on. Never throws: also a full queue, a deadline, an abort or a
   * tenant that is gone is told to the sink, exactly once, and not before this call has returned.
   */
  submit(request: SubmitRequest, sink: PoolSink): SubmissionHandle {
    const now = performance.now();
    const pool = this.#pool(now);
    if (pool instanceof PoolError) {
      queueMicrotask(() => sink.failed(pool));
      return NOTHING_TO_ABORT;
    }
    const submission = new Submission(pool, request, sink, now);
    pool.take(submission);
    return submission;
  }

  /**
   * A connection for the caller alone until `release` (or `await using`), its deadline or its signal. Afterwards its session is reset, or closed when
   * anything about it is in doubt. Rejects with PoolError.
   */
  async acquire(options: Partial<LeaseOptions> = {}): Promise<PooledConnection> {
    return new LeasedConnection(await this.#lease(options));
  }

  /**
   * Runs one statement; values have the types that `pg` gives them (`bigint` and `numeric` as strings, `timestamp` read as UTC, intervals in ISO 8601).
   * A statement that begins with SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE or WITH shares a connection with others: it must not leave
   * anything on the session (`set_config`, advisory locks: use `acquire`). Rejects with PoolError or WireError.
   */
  query<Row = Record<string, unknown>>(
    text: string,
    params: readonly unknown[] = [],
    options: QueryOptions = {},
  ): Promise<QueryResult<Row>> {
    return runQuery<Row>(this, text, params, { ...options, timeoutMs: options.timeoutMs ?? this.#timeoutMs });
  }

  /** Commits when `work` returns, rolls back when it throws. The connection is `work`'s alone, at most for `timeoutMs`. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return runTransaction(this, work, { ...options, timeoutMs: options.timeoutMs ?? this.#timeoutMs });
  }

  /**
   * The types (OIDs) of a text's parameters; the server is asked once for each text, whoever else wants to know at the same time, and no longer than
   * somebody waits for it. Rejects with PoolError or WireError.
   */
  async describe(text: string, options: Partial<LeaseOptions> = {}): Promise<readonly number[]> {
    const pool = this.#pool(performance.now());
    if (pool instanceof PoolError) throw pool;
    const profile = pool.profiles.of(text);
    const known = profile?.parameters ?? this.#tenant.knownParameters(this.mode, text);
    if (known !== undefined) return known;
    if (profile === undefined) return this.#ask(text, options);
    const joins = profile.asking?.over === false;
    try {
      return await this.#askWithOthers(text, profile, options);
    } catch (error) {
      // Who came later has waited for less long.
      if (!joins || !isPoolError(error) || error.code !== 'queue_timeout' || isLate(options)) throw error;
      return await this.#askWithOthers(text, profile, options);
    }
  }

  /** Of this mode: over primary and replica for reads. */
  stats(): RoleStats {
    return this.#tenant.pools.stats(this.mode === 'readonly' ? ['readonly', 'replica'] : ['readwrite'], performance.now());
  }

  #askWithOthers(text: string, profile: StatementProfile, options: Partial<LeaseOptions>): Promise<readonly number[]> {
    if (profile.asking?.over !== false) {
      const asking: SharedAsk<readonly number[]> = new SharedAsk((signal) =>
        this.#ask(text, { signal })
          .then((parameters) => (profile.parameters = parameters))
          .finally(() => {
            if (profile.asking === asking) profile.asking = undefined;
          }),
      );
      profile.asking = asking;
    }
    return profile.asking.wait(options);
  }

  async #ask(text: string, options: Partial<LeaseOptions>): Promise<readonly number[]> {
    const lease = await this.#lease(options);
    try {
      return await lease.describe(text);
    } finally {
      lease.release(true);
    }
  }

  #lease(options: Partial<LeaseOptions>): Promise<Lease> {
    const now = performance.now();
    const deadline = options.deadline ?? now + this.#timeoutMs;
    return new Promise((resolve, reject) => {
      const pool = this.#pool(now, options.onPrimary);
      if (pool instanceof PoolError) return reject(pool);
      pool.take(new Lease(pool, { deadline, signal: options.signal }, now, { resolve, reject }));
    });
  }

  #pool(now: number, onPrimary?: boolean): LoginPool | PoolError {
    return this.#tenant.removed ?? this.#tenant.poolFor(this.mode, now, onPrimary);
  }
}

const isLate = ({ deadline }: Partial<LeaseOptions>): boolean => deadline !== undefined && performance.now() >= deadline;
