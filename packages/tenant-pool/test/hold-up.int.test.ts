import { setTimeout } from 'node:timers/promises';
import { testStack, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import type { StreamControl } from '../src/index.ts';
import { CANCELS } from '../src/pool/tuning.ts';
import { ask, crowd } from './answers.ts';
import { foundTown, manage } from './tenants.ts';

const NAME = 'select name from mine where id = $1';

describe('a statement that takes long', () => {
  it('holds up no other: statements known to be short never wait behind one that is known to be long or not known', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    for (let n = 0; n < 5; n++) await ask(pool, NAME, ['1']).answer;
    const slow = [1, 2, 3].map((n) => ask(pool, `select ${n}, pg_sleep(2)`));
    let slowEnded = false;
    void Promise.all(slow.map(({ answer }) => answer)).then(() => {
      slowEnded = true;
    });
    let answered = 0;
    await crowd(
      8,
      () => answered >= 200,
      async () => {
        await ask(pool, NAME, ['1']).answer;
        answered++;
      },
    );
    expect(slowEnded).toBe(false);
    await Promise.all(slow.map(({ answer }) => answer));
  });

  it('does not hold up what was sent behind it when it was short until now and waits for a lock', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 2 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const update = 'update mine set name = name where id = 1';
    for (let n = 0; n < 5; n++) await Promise.all([ask(pool, NAME, ['2']).answer, ask(pool, update).answer]);
    await town.admin.query(`begin; select * from ${town.ids[0] ?? ''}.mine where id = 1 for update`);
    let unlocked = false;
    const blocked = ask(pool, update);
    const behind = Array.from({ length: 40 }, () => ask(pool, NAME, ['2'], { repeatable: true }));
    for (const { answer } of behind) expect((await answer).rows).toEqual([[town.ids[0]]]);
    expect(unlocked).toBe(false);
    await town.admin.query('commit');
    unlocked = true;
    await expect(blocked.answer).resolves.toMatchObject({ tag: 'UPDATE 1' });
    expect([blocked, ...behind].map(({ ends }) => ends())).toEqual(Array.from({ length: 41 }, () => 1));
  });

  it('is ended at its deadline, while its neighbours are answered and nothing else is cancelled', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 2 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const sometimesSlow = 'select pg_sleep($1::float8)';
    for (let n = 0; n < 5; n++) await ask(pool, sometimesSlow, ['0']).answer;
    const codes: string[] = [];
    for (let round = 0; round < 10; round++) {
      const late = ask(pool, sometimesSlow, ['30'], { deadline: performance.now() + 50 });
      const writes = Array.from({ length: 10 }, (_, n) => ask(pool, 'insert into notes (body) values ($1)', [`${round} ${n}`]));
      const reads = Array.from({ length: 10 }, () => ask(pool, NAME, ['3'], { repeatable: true }));
      codes.push(await late.answer.then(String, ({ code }: { code: string }) => code));
      for (const { answer } of writes) expect((await answer).tag).toBe('INSERT 0 1');
      for (const { answer } of reads) expect((await answer).rows).toEqual([[town.ids[0]]]);
    }
    // On a busy machine some of them may not have begun in time.
    expect(codes.filter((code) => code !== 'queue_timeout')).toContain('statement_timeout');
    expect(codes.filter((code) => code !== 'queue_timeout' && code !== 'statement_timeout')).toEqual([]);
    const { rows } = await pool.query<{ count: string }>('select count(*) from notes');
    expect(rows).toEqual([{ count: '100' }]);
  });
});

describe('a caller that gives up', () => {
  it('is told at once, waiting or running, and what ran is cancelled on the server', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const controllers = [new AbortController(), new AbortController()] as const;
    const running = ask(pool, 'select pg_sleep(60)', [], { signal: controllers[0].signal });
    await waitFor(() => pool.stats().inUse === 1, { what: 'the statement to run' });
    const waiting = ask(pool, NAME, ['1'], { signal: controllers[1].signal });
    const waitingToo = ask(pool, NAME, ['1']);
    controllers[1].abort();
    await expect(waiting.answer).rejects.toMatchObject({ code: 'aborted' });
    waitingToo.handle.abort();
    await expect(waitingToo.answer).rejects.toMatchObject({ code: 'aborted' });
    controllers[0].abort();
    await expect(running.answer).rejects.toMatchObject({ code: 'aborted' });
    running.handle.abort();
    expect((await ask(pool, NAME, ['1']).answer).rows).toEqual([[town.ids[0]]]);
    await setTimeout(10);
    expect([running, waiting, waitingToo].map(({ ends }) => ends())).toEqual([1, 1, 1]);
    const still = await town.admin.query(
      "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and usename = $1",
      [`pooled_${town.ids[0] ?? ''}`],
    );
    expect(still.rows).toEqual([]);
  });

  it('loses the connection that it has for itself, with what it did in an open transaction', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const controller = new AbortController();
    const connection = await pool.acquire({ signal: controller.signal });
    await connection.begin();
    await connection.query('insert into notes (body) values ($1)', ['never']);
    const running = connection.query('select pg_sleep(60)');
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'aborted' });
    connection.release();
    expect((await pool.query('select 1 from notes')).rows).toEqual([]);
    await expect(pool.acquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('again and again costs the server no more than a login each, and waits itself for those it has cost', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    let cut = 0;
    await crowd(
      4,
      () => cut >= CANCELS.most + 20,
      async () => {
        cut++;
        const controller = new AbortController();
        const connection = await pool.acquire({ signal: controller.signal, deadline: performance.now() + 60_000 });
        const running = connection.query('select pg_sleep(60)');
        controller.abort();
        await expect(running).rejects.toMatchObject({ code: 'aborted' });
      },
    );
    expect((await ask(pool, NAME, ['1']).answer).rows).toEqual([[town.ids[0]]]);
    const logins = pools.manager.getPoolStats(town.ids[0] ?? '').opened;
    expect(logins).toBeLessThanOrEqual(cut + 4);
    expect(pools.manager.getPoolStats(town.ids[0] ?? '').peakTotal).toBeLessThanOrEqual(4);
  });

  it('who holds a connection beyond its deadline loses it, also while nothing runs on it', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const work = pool.transaction(
      async (tx) => {
        await tx.query('insert into notes (body) values ($1)', ['never']);
        await waitFor(async () => (await town.connections()) === 0, { what: 'the connection to be taken' });
        await tx.query('select 1');
      },
      { timeoutMs: 100 },
    );
    await expect(work).rejects.toThrow(/deadline/);
    expect((await pool.query('select 1 from notes')).rows).toEqual([]);
  });
});

describe('a result on a connection of its own', () => {
  it('can be paused, so that the server stops sending, and goes on where it was', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let rows = 0;
    let control: { pause(): void; resume(): void } | undefined;
    pool.submit(
      {
        text: "select n, repeat('x', 1000) from generate_series(1, 50000) n",
        params: [],
        lane: 'own',
        deadline: performance.now() + 20_000,
        repeatable: true,
      },
      {
        started: (given) => {
          control = given;
        },
        columns() {},
        row() {
          if (++rows === 1_000) control?.pause();
        },
        complete: resolve,
        failed: reject,
      },
    );
    await waitFor(() => rows >= 1_000, { what: 'the pause' });
    const waiting = await waitFor(
      async () =>
        (
          await town.admin.query("select 1 from pg_stat_activity where application_name = $1 and wait_event = 'ClientWrite'", [
            town.applicationName,
          ])
        ).rowCount,
      { what: 'the server to stand still' },
    );
    expect(waiting).toBe(1);
    expect(rows).toBeLessThan(50_000);
    control?.resume();
    expect(await promise).toBe('SELECT 50000');
    expect(rows).toBe(50_000);
  });

  it('whose reader pauses brings nothing more once its deadline has passed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let [rows, atPause] = [0, 0];
    let control: StreamControl | undefined;
    pool.submit(
      {
        text: "select repeat('x', 1000) from generate_series(1, 10000000)",
        params: [],
        lane: 'own',
        deadline: performance.now() + 300,
        repeatable: true,
      },
      {
        started: (given) => void (control = given),
        columns() {},
        row() {
          if (++rows !== 1_000) return;
          control?.pause();
          // What the connection had brought by then.
          setImmediate(() => (atPause = rows));
        },
        complete: resolve,
        failed: reject,
      },
    );
    await expect(promise).rejects.toMatchObject({ code: 'statement_timeout' });
    await waitFor(async () => (await town.connections()) === 0, { what: 'the connection to be closed' });
    expect(rows).toBe(atPause);
  });

  it('whose reader pauses when all has been read gives its connection back', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    let control: StreamControl | undefined;
    await new Promise<void>((resolve, reject) => {
      const request = {
        text: 'select 1',
        params: [],
        lane: 'own',
        deadline: performance.now() + 30_000,
        repeatable: false,
      } as const;
      pool.submit(request, {
        started: (given) => {
          control = given;
        },
        columns() {},
        row: () => control?.pause(),
        complete: () => resolve(),
        failed: reject,
      });
    });
    expect((await ask(pool, NAME, ['1']).answer).rows).toEqual([[town.ids[0]]]);
  });

  it('whose reader has paused for good is cancelled at its deadline all the same', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    pool.submit(
      {
        text: "select repeat('x', 1000) from generate_series(1, 1000000)",
        params: [],
        lane: 'own',
        deadline: performance.now() + 300,
        repeatable: true,
      },
      { started: (control) => control.pause(), columns() {}, row() {}, complete: resolve, failed: reject },
    );
    await expect(promise).rejects.toMatchObject({ code: 'statement_timeout' });
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });
});
