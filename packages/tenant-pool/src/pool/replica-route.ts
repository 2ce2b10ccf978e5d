import type { Field } from '../wire/backend.ts';
import type { LoginPool } from './login-pool.ts';
import { Submission } from './submission.ts';
import type { PoolSink } from './submit-request.ts';
import { LAG_CHECK_MS, LAG_VALID_MS, REPLICA_REST_MS } from './tuning.ts';

/** How many milliseconds the server is behind, by the time of the last commit that it has replayed; null for one that replays nothing. */
const LAG = `select case when pg_is_in_recovery()
  then (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint::text end`;

/**
 * Whether a tenant's reads may go to its replica: only for as long as a recent look has shown it to be near enough. Looks are made while reads come, at
 * most one a second, with the tenant's own read-only login. A primary that commits nothing lets its replica look old; reads then go to the primary.
 */
export class ReplicaRoute {
  readonly #maxLagMs: number;
  #askedAt = Number.NEGATIVE_INFINITY;
  #nearUntil = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #asking = false;

  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
  }

  /** Whether a read may go there now. Looks again in the background when it is time to. */
  usable(pool: LoginPool, now: number): boolean {
    if (!this.#asking && now - this.#askedAt >= LAG_CHECK_MS && now >= this.#notBefore) this.#ask(pool, now);
    return now < this.#nearUntil;
  }

  failed(now: number): void {
    this.#nearUntil = Number.NEGATIVE_INFINITY;
    this.#notBefore = now + REPLICA_REST_MS;
  }

  #ask(pool: LoginPool, now: number): void {
    this.#asking = true;
    this.#askedAt = now;
    const answer = new LagSink((lagMs) => {
      this.#asking = false;
      const known = lagMs !== undefined && lagMs <= this.#maxLagMs;
      this.#nearUntil = known ? now + LAG_VALID_MS : Number.NEGATIVE_INFINITY;
    });
    const request = { text: LAG, params: [], lane: 'shared', deadline: now + REPLICA_REST_MS, repeatable: false } as const;
    pool.take(new Submission(pool, request, answer, now));
  }
}

class LagSink implements PoolSink {
  readonly #done: (lagMs: number | undefined) => void;
  #lagMs: number | undefined = undefined;

  constructor(done: (lagMs: number | undefined) => void) {
    this.#done = done;
  }

  columns(_fields: readonly Field[]): void {
    // One column, known.
  }

  row(buffer: Buffer, start: number, end: number): void {
    const length = buffer.readInt32BE(start + 2);
    if (length >= 0) this.#lagMs = Number(buffer.toString('latin1', start + 6, end));
  }

  complete(): void {
    this.#done(this.#lagMs);
  }

  failed(): void {
    this.#done(undefined);
  }
}
