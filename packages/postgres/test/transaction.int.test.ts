import { waitFor } from '@ultracore/testkit';
import type { PoolClient } from 'pg';
import { describe, expect, it } from 'vitest';
import { sqlStateOf, transaction } from '../src/index.ts';
import { testPool } from './database.ts';

async function processId(client: PoolClient): Promise<number> {
  const result = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return result.rows[0]?.pid ?? 0;
}

describe('transaction', () => {
  it('stores all or nothing, and throws on what the work threw', async () => {
    await using test = await testPool();
    await test.pool.query('create table t (x integer primary key)');
    await transaction(test.pool, (client) => client.query('insert into t values (1)'));
    const refusal = new Error('no');
    const failing = transaction(test.pool, async (client) => {
      await client.query('insert into t values (2)');
      throw refusal;
    });
    await expect(failing).rejects.toBe(refusal);
    expect((await test.pool.query('select x from t')).rows).toEqual([{ x: 1 }]);
  });

  it('says so when a swallowed error made Postgres roll back at commit', async () => {
    await using test = await testPool();
    await test.pool.query('create table t (x integer primary key)');
    const swallowing = transaction(test.pool, async (client) => {
      await client.query('insert into t values (1)');
      await client.query('insert into t values (1)').catch(() => undefined);
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'transaction_rolled_back' });
    expect((await test.pool.query('select count(*)::int as n from t')).rows).toEqual([{ n: 0 }]);
  });

  it('that stands still gives up what it holds locked', async () => {
    await using test = await testPool({ max: 2, idleInTransactionTimeoutMs: 300 });
    await test.pool.query('create table t (x integer primary key)');
    await test.pool.query('insert into t values (1)');
    const stopped = await test.pool.connect();
    // The end of the session reaches a client that nobody listens to as an event.
    stopped.on('error', () => undefined);
    await stopped.query('begin');
    await stopped.query('select x from t where x = 1 for update');
    // Waits for the lock, and gets it only when the session that stands still is ended.
    expect((await test.pool.query('update t set x = 2 where x = 1')).rowCount).toBe(1);
    stopped.release(true);
  });

  it('gives its connection back clean after a failure', async () => {
    await using test = await testPool({ max: 1 });
    await expect(transaction(test.pool, (client) => client.query('select 1 / 0'))).rejects.toSatisfy(
      (error) => sqlStateOf(error) === '22012',
    );
    await expect(transaction(test.pool, (client) => client.query('select 1 as x'))).resolves.toMatchObject({ rows: [{ x: 1 }] });
    expect(test.pool.totalCount).toBe(1);
  });

  it('destroys a connection that broke during a statement, and the pool goes on', async () => {
    await using test = await testPool({ max: 1 });
    await expect(
      transaction(test.pool, (client) => client.query('select pg_terminate_backend(pg_backend_pid())')),
    ).rejects.toThrow(/terminat/);
    await expect(transaction(test.pool, (client) => client.query('select 1 as x'))).resolves.toMatchObject({ rows: [{ x: 1 }] });
  });

  it('survives a connection that breaks while the work waits for something else', async () => {
    await using test = await testPool({ max: 2 });
    const interrupted = transaction(test.pool, async (client) => {
      const ended = new Promise((resolve) => client.once('end', resolve));
      await test.pool.query('select pg_terminate_backend($1)', [await processId(client)]);
      await ended;
      await client.query('select 1');
    });
    await expect(interrupted).rejects.toThrow(/terminat|not queryable/);
    expect((await test.pool.query('select 1 as x')).rows).toEqual([{ x: 1 }]);
  });

  it('runs at the isolation level that was asked for', async () => {
    await using test = await testPool();
    const show = (client: PoolClient) => client.query('show transaction_isolation');
    expect((await transaction(test.pool, show, { isolation: 'serializable' })).rows).toEqual([
      { transaction_isolation: 'serializable' },
    ]);
    const writing = transaction(test.pool, (client) => client.query('create table t ()'), { readOnly: true });
    await expect(writing).rejects.toMatchObject({ code: '25006' });
  });
});

describe('createPool', () => {
  it('logs an idle connection that broke and uses another one', async () => {
    await using test = await testPool({ max: 2 });
    const [idle, other] = [await test.pool.connect(), await test.pool.connect()];
    const pid = await processId(idle);
    idle.release();
    await other.query('select pg_terminate_backend($1)', [pid]);
    other.release();
    await waitFor(() => test.warnings.length > 0, { what: 'the broken connection to be noticed' });
    expect((await test.pool.query('select 1 as x')).rows).toEqual([{ x: 1 }]);
  });

  it('writes and reads a timestamp without zone as UTC, whatever the zone of the process', async () => {
    await using test = await testPool();
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    try {
      const moment = new Date('2026-07-01T12:00:00.123Z');
      const result = await test.pool.query('select $1::timestamp as moment, $1::timestamp::text as text', [moment]);
      expect(result.rows).toEqual([{ moment, text: '2026-07-01 12:00:00.123' }]);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });
});
