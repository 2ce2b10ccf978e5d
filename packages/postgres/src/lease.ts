import type { Pool } from 'pg';
import { PostgresError } from './errors.ts';
import type { Queryable } from './pool.ts';
import { quoteIdent } from './quote.ts';

export interface LeaseOptions {
  schema: string;
  /** What is held, e.g. `relay`. */
  name: string;
  /** Who holds it; must differ between processes and between starts of one process. */
  holder: string;
  /** How long a lease lasts without renewal, by the database's clock. */
  ttlMs: number;
  /** Milliseconds of a clock that never goes back and goes on while the process is stopped. For tests. */
  monotonicNow?: () => number;
}

/** One holding of a lease, from its acquisition until it is lost or given back. */
export interface LeaseToken {
  /** Grows with every acquisition by anybody. A store that remembers the highest token seen can refuse an earlier holder. */
  readonly token: bigint;
  /**
   * False from a tenth of the TTL before the database could give the lease to somebody else. Reads this process's own clock,
   * so it is right at once after the process was stopped and continued, before any timer has run. Ask right before an effect.
   */
  held(): boolean;
  /** Milliseconds until `held` turns false without a renewal; 0 when it has. */
  remainingMs(): number;
}

export interface Lease {
  readonly name: string;
  readonly ttlMs: number;
  /** The lease if it is free or has run out, else null. At no moment do two processes hold a token that says `held`. */
  acquire(): Promise<LeaseToken | null>;
  /** Lengthens a holding by a whole TTL. False when somebody else has acquired it meanwhile, or it ran out: it is lost for good. */
  renew(token: LeaseToken): Promise<boolean>;
  /** Gives the lease back, so that the next `acquire` need not wait. Does nothing when it is already lost. */
  release(token: LeaseToken): Promise<void>;
  /**
   * For a transaction whose rows only the holder may write: throws `lease_lost` unless the token is the newest, and keeps
   * anybody from acquiring the lease until the transaction ends. A renewal waits for that end too: keep such transactions short.
   */
  confirm(client: Queryable, token: LeaseToken): Promise<void>;
}

interface Holding extends LeaseToken {
  deadline: number;
}

/** Leases by name in table `leases` of a schema that `migrate` has prepared. Expiry is judged by the database's clock alone. */
export function createLease(pool: Pool, options: LeaseOptions): Lease {
  const { name, holder, ttlMs } = options;
  const now = options.monotonicNow ?? (() => performance.now());
  const table = `${quoteIdent(options.schema)}.leases`;
  const holdings = new WeakMap<LeaseToken, Holding>();

  function holdingOf(token: LeaseToken): Holding {
    const holding = holdings.get(token);
    if (!holding) throw new TypeError(`The token ${token.token} was not acquired from this lease (${name}).`);
    return holding;
  }

  /** Counted from before the statement was sent: the database can only have started its own count later. */
  function deadlineFrom(sentAt: number): number {
    return sentAt + ttlMs * 0.9;
  }

  return {
    name,
    ttlMs,
    async acquire() {
      const sentAt = now();
      const token = await acquireLease(pool, table, { name, holder, ttlMs });
      if (token === null) return null;
      const holding: Holding = {
        token,
        deadline: deadlineFrom(sentAt),
        held: () => now() < holding.deadline,
        remainingMs: () => Math.max(0, holding.deadline - now()),
      };
      holdings.set(holding, holding);
      return holding;
    },
    async renew(token) {
      const holding = holdingOf(token);
      if (!holding.held()) return false;
      const sentAt = now();
      const renewed = await renewLease(pool, table, { name, token: token.token, ttlMs });
      // Judged again after the answer: the process may have been stopped while it waited, and the effect guarded by the
      // earlier answer may be due at any moment.
      if (!renewed || !holding.held()) {
        holding.deadline = 0;
        return false;
      }
      holding.deadline = deadlineFrom(sentAt);
      return holding.held();
    },
    async release(token) {
      holdingOf(token).deadline = 0;
      await releaseLease(pool, table, { name, token: token.token });
    },
    async confirm(client, token) {
      if (!holdingOf(token).held() || !(await lockLease(client, table, { name, token: token.token }))) {
        throw new PostgresError('lease_lost', `The lease ${name} (token ${token.token}) is no longer held by this process.`);
      }
    },
  };
}

async function acquireLease(
  pool: Pool,
  table: string,
  lease: { name: string; holder: string; ttlMs: number },
): Promise<bigint | null> {
  const result = await pool.query<{ token: string }>(
    `insert into ${table} as lease (name, holder, token, expires_at)
     values ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
     on conflict (name) do update
       set holder = excluded.holder,
           token = lease.token + 1,
           expires_at = clock_timestamp() + $3 * interval '1 millisecond'
       where lease.expires_at <= clock_timestamp()
     returning token`,
    [lease.name, lease.holder, lease.ttlMs],
  );
  const row = result.rows[0];
  return row ? BigInt(row.token) : null;
}

async function renewLease(pool: Pool, table: string, lease: { name: string; token: bigint; ttlMs: number }): Promise<boolean> {
  const result = await pool.query(
    `update ${table} set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
     where name = $1 and token = $2 and expires_at > clock_timestamp()`,
    [lease.name, lease.token.toString(), lease.ttlMs],
  );
  return result.rowCount === 1;
}

async function releaseLease(pool: Pool, table: string, lease: { name: string; token: bigint }): Promise<void> {
  await pool.query(`update ${table} set expires_at = '-infinity' where name = $1 and token = $2`, [
    lease.name,
    lease.token.toString(),
  ]);
}

async function lockLease(client: Queryable, table: string, lease: { name: string; token: bigint }): Promise<boolean> {
  const result = await client.query(`select 1 from ${table} where name = $1 and token = $2 for share`, [
    lease.name,
    lease.token.toString(),
  ]);
  return result.rowCount === 1;
}
