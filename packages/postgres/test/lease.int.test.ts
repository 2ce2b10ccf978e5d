import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { createLease, holdLease, migrate, transaction, type LeaseOptions } from '../src/index.ts';
import { testPool } from './database.ts';

const noMigrations = { directory: new URL('no-migrations', import.meta.url).pathname, schema: 'app' };

async function leases() {
  const test = await testPool();
  await migrate(test.pool, noMigrations);
  const lease = (holder: string, options: Partial<LeaseOptions> = {}) =>
    createLease(test.pool, { schema: 'app', name: 'relay', holder, ttlMs: 60_000, ...options });
  const expire = () => test.pool.query("update app.leases set expires_at = clock_timestamp() - interval '1 millisecond'");
  return { ...test, lease, expire, [Symbol.asyncDispose]: test[Symbol.asyncDispose] };
}

async function hasRunOut(pool: Pool): Promise<boolean> {
  const result = await pool.query('select 1 from app.leases where expires_at <= clock_timestamp()');
  return result.rowCount === 1;
}

async function endOf(pool: Pool): Promise<number> {
  const result = await pool.query<{ end: Date }>('select expires_at as end from app.leases');
  return result.rows[0]?.end.getTime() ?? 0;
}

async function isWaitingForLock(pool: Pool): Promise<boolean> {
  const result = await pool.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return result.rowCount === 1;
}

describe('createLease', () => {
  it('is held by one of many who apply at once', async () => {
    await using test = await leases();
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => test.lease(`process-${index}`).acquire()));
    expect(tokens.filter((token) => token !== null)).toHaveLength(1);
  });

  it('goes to the next when it has run out by the clock of the database, with a higher token', async () => {
    await using test = await leases();
    const first = await test.lease('a').acquire();
    expect(await test.lease('b').acquire()).toBeNull();
    await test.expire();
    const second = await test.lease('b').acquire();
    expect(second?.token).toBe((first?.token ?? 0n) + 1n);
  });

  it('goes to the next at once when it is given back; the token goes on growing', async () => {
    await using test = await leases();
    const lease = test.lease('a');
    const token = await lease.acquire();
    if (!token) throw new Error('not acquired');
    await lease.release(token);
    expect(token.held()).toBe(false);
    expect((await test.lease('b').acquire())?.token).toBe(token.token + 1n);
  });

  it('is lengthened by a renewal, and lost for good once somebody else has it', async () => {
    await using test = await leases();
    const lease = test.lease('a');
    const token = await lease.acquire();
    if (!token) throw new Error('not acquired');
    expect(await lease.renew(token)).toBe(true);
    await test.expire();
    expect(await test.lease('b').acquire()).not.toBeNull();
    expect(await lease.renew(token)).toBe(false);
    expect(token.held()).toBe(false);
    await lease.release(token);
    expect(await test.lease('c').acquire()).toBeNull();
  });

  it('counts as lost by the own clock before the database gives it away, and a late renewal does not bring it back', async () => {
    await using test = await leases();
    let now = 0;
    const lease = test.lease('a', { ttlMs: 1000, monotonicNow: () => now });
    const token = await lease.acquire();
    if (!token) throw new Error('not acquired');
    now = 899;
    expect(token.held()).toBe(true);
    now = 900;
    expect(token.held()).toBe(false);
    expect(token.remainingMs()).toBe(0);
    expect(await lease.renew(token)).toBe(false);
  });

  it('lets a transaction of the holder through and none of a predecessor', async () => {
    await using test = await leases();
    const old = test.lease('a');
    const token = await old.acquire();
    if (!token) throw new Error('not acquired');
    await transaction(test.pool, (client) => old.confirm(client, token));
    await test.expire();
    expect(await test.lease('b').acquire()).not.toBeNull();
    await expect(transaction(test.pool, (client) => old.confirm(client, token))).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('is not given away while a transaction that confirmed it is open, even past its end', async () => {
    await using test = await leases();
    const lease = test.lease('a', { ttlMs: 1_500 });
    const token = await lease.acquire();
    if (!token) throw new Error('not acquired');
    const order: string[] = [];
    const taking = transaction(test.pool, async (client) => {
      await lease.confirm(client, token);
      await waitFor(() => hasRunOut(test.pool), { what: 'the lease to run out' });
      const next = test.lease('b').acquire();
      void next.then(() => order.push('acquired by another'));
      await waitFor(() => isWaitingForLock(test.pool), { what: 'the other to wait' });
      order.push('end of the transaction');
      return { next };
    });
    expect(await (await taking).next).not.toBeNull();
    expect(order).toEqual(['end of the transaction', 'acquired by another']);
  });

  it('is not believed by a process that was stopped past its end and continued', async () => {
    await using test = await leases();
    const child = spawn(process.execPath, [new URL('lease-holder.ts', import.meta.url).pathname, test.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines: string[] = [];
      createInterface(child.stdout).on('line', (line) => lines.push(line));
      await waitFor(() => lines.includes('held'), { what: 'the other process to hold the lease' });
      child.kill('SIGSTOP');
      const successor = test.lease('successor');
      await waitFor(async () => (await successor.acquire()) !== null, { what: 'the lease to run out' });
      const said = lines.length;
      child.kill('SIGCONT');
      await once(child, 'exit');
      expect(lines.slice(said).filter((line) => line === 'held')).toEqual([]);
      expect(lines.at(-1)).toBe('lost');
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('holdLease', () => {
  const logger = { warn: () => undefined };

  it('does the work in one process at a time, and in the next when that one stops', async () => {
    await using test = await leases();
    const working = new Set<string>();
    const holders = ['a', 'b', 'c'].map((name) => ({
      name,
      holder: holdLease({
        // Long beside any pause of a busy machine: a holder that renews too late is succeeded, and rightly so.
        lease: test.lease(name, { ttlMs: 2_000 }),
        logger,
        async work(_token, signal) {
          working.add(name);
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          working.delete(name);
        },
      }),
    }));
    for (const { holder } of holders) holder.start();
    await waitFor(() => working.size === 1, { what: 'one to work' });
    const [first] = working;
    const ends = new Set<number>();
    const threeRenewals = async () => ends.add(await endOf(test.pool)).size > 3;
    await waitFor(threeRenewals, { what: 'the lease to be renewed three times' });
    expect([...working]).toEqual([first]);
    await holders.find(({ name }) => name === first)?.holder.stop();
    await waitFor(() => working.size === 1 && !working.has(first ?? ''), { what: 'another one to work' });
    await Promise.all(holders.map(({ holder }) => holder.stop()));
    expect(working.size).toBe(0);
  });

  it('ends the work before the lease runs out when it cannot be renewed', async () => {
    await using test = await leases();
    const lease = test.lease('a', { ttlMs: 6000 });
    const stuck = { ...lease, renew: () => new Promise<boolean>(() => undefined) };
    let abortedAfter: number | undefined;
    const holder = holdLease({
      lease: stuck,
      logger,
      async work(_token, signal) {
        const startedAt = performance.now();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        abortedAfter ??= performance.now() - startedAt;
      },
    });
    holder.start();
    await waitFor(() => abortedAfter !== undefined, { what: 'the work to be ended' });
    await holder.stop();
    expect(abortedAfter).toBeLessThan(6000);
  });

  it('applies again after work that failed', async () => {
    await using test = await leases();
    let runs = 0;
    const holder = holdLease({
      lease: test.lease('a', { ttlMs: 150 }),
      logger,
      async work() {
        runs += 1;
        throw new Error('once more');
      },
    });
    holder.start();
    await waitFor(() => runs >= 3, { what: 'the work to be tried again' });
    await holder.stop();
    expect(holder.holding()).toBe(false);
  });
});
