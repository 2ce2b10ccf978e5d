import { testStack, waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { ask, crowd } from './answers.ts';
import { foundTown, manage } from './tenants.ts';
import { watchConnections } from './watch-connections.ts';

describe('the budget of a server', () => {
  it('is never exceeded, whatever many tenants ask for at once, and every one of them is answered', async () => {
    await using town = await foundTown(testStack(), 24);
    await using pools = manage(town, { budget: 6 });
    const watch = await watchConnections(town);
    let asked = 0;
    await crowd(
      48,
      () => asked >= 500,
      async (member) => {
        asked++;
        const id = town.ids[(member * 7 + asked) % town.ids.length] ?? '';
        const pool = pools.manager.getPool(id, { readonly: asked % 3 === 0 });
        if (asked % 50 === 0) {
          await using connection = await pool.acquire();
          expect((await connection.query('select name from mine where id = 1')).rows).toEqual([{ name: id }]);
        } else if (asked % 20 === 0) {
          await ask(pool, 'select pg_sleep(0.01)', [], { lane: 'own' }).answer;
        } else {
          expect((await ask(pool, 'select name from mine where id = $1', ['2']).answer).rows).toEqual([[id]]);
        }
        expect(pools.manager.getPoolStats().servers[0]?.used).toBeLessThanOrEqual(6);
      },
    );
    await watch.stop();
    expect(watch.most()).toBeGreaterThan(3);
    expect(watch.most()).toBeLessThanOrEqual(6);
  });

  it('is shared by tenant, not by request: quiet tenants get theirs while one floods with statements that take long', async () => {
    await using town = await foundTown(testStack(), 4);
    await using pools = manage(town, { budget: 6, each: { maxConnections: 6 } });
    const [flooder = '', ...quiet] = town.ids;
    let done = false;
    const flood = crowd(
      60,
      () => done,
      () => ask(pools.manager.getPool(flooder), 'select pg_sleep(0.2)').answer,
    );
    await waitFor(() => pools.manager.getPoolStats(flooder).total >= 5, { what: 'the flooder to hold all it can get' });
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        for (const id of quiet) {
          expect((await pools.manager.query('select name from mine where id = 1', [], { tenantId: id })).rows).toEqual([
            { name: id },
          ]);
        }
      }
    };
    const opened = (): number[] => quiet.map((id) => pools.manager.getPoolStats(id).opened);
    await waitFor(
      async () => {
        await rounds(1);
        return quiet.every((id) => pools.manager.getPoolStats(id).total === 1);
      },
      { what: 'each quiet tenant to have a connection' },
    );
    const before = opened();
    await rounds(50);
    const { total, waiting } = pools.manager.getPoolStats(flooder);
    const after = opened();
    done = true;
    await flood;
    expect(waiting).toBeGreaterThan(20);
    expect(total).toBeLessThanOrEqual(3);
    // They keep it, though each uses it only now and then.
    expect(after).toEqual(before);
  });

  it('goes around among more tenants than there are connections, with work that never ends', async () => {
    await using town = await foundTown(testStack(), 6);
    await using pools = manage(town, { budget: 2 });
    const answered = new Map<string, number>();
    const finished = (): boolean => town.ids.every((id) => (answered.get(id) ?? 0) >= 10);
    await crowd(12, finished, async (member) => {
      const id = town.ids[member % town.ids.length] ?? '';
      await ask(pools.manager.getPool(id), 'select name, pg_sleep(0.005) from mine where id = $1', ['1']).answer;
      answered.set(id, (answered.get(id) ?? 0) + 1);
    });
    expect(pools.manager.getPoolStats().servers[0]?.used).toBeLessThanOrEqual(2);
  });

  it('is not held for long by what takes long: of who has more than a share, only as much is cancelled as others need', async () => {
    await using town = await foundTown(testStack(), 4);
    await using pools = manage(town, { budget: 4 });
    const [most = '', a = '', b = '', late = ''] = town.ids;
    const sleep = (id: string) => ask(pools.manager.getPool(id), 'select pg_sleep(60)', [], { lane: 'own' });
    const held = [sleep(most), sleep(most), sleep(a)];
    const transaction = await pools.manager.getPool(b).acquire();
    await waitFor(() => pools.manager.getPoolStats().inUse === 4, { what: 'all connections to be held' });
    await expect(pools.manager.query('select 1', [], { tenantId: late })).resolves.toMatchObject({ rowCount: 1 });
    const codes = held.map(({ answer }) => answer.then(String, ({ code }: { code: string }) => code));
    expect(await Promise.race(codes)).toBe('preempted');
    await expect(transaction.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
    transaction.release();
    for (const { handle } of held) handle.abort();
    expect((await Promise.all(codes)).sort()).toEqual(['aborted', 'aborted', 'preempted']);
  });

  it('is taken back from who used it longest ago', async () => {
    await using town = await foundTown(testStack(), 4);
    await using pools = manage(town, { budget: 3 });
    const [a = '', b = '', c = '', d = ''] = town.ids;
    for (const id of [a, b, c, a, c, d]) await pools.manager.query('select 1', [], { tenantId: id });
    expect(pools.manager.getPoolStats(b).total).toBe(0);
    for (const id of [a, c, d]) expect(pools.manager.getPoolStats(id).total).toBe(1);
  });

  it('gives the one connection that a tenant may have to each of its logins by turns, however busy both are', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const [id = ''] = town.ids;
    const answered = { readwrite: 0, readonly: 0 };
    const done = (): boolean => pools.manager.getPoolStats(id).opened >= 6;
    const keepBusy = (mode: 'readwrite' | 'readonly'): Promise<void> =>
      crowd(4, done, async () => {
        await ask(pools.manager.getPool(id, { readonly: mode === 'readonly' }), 'select name from mine where id = $1', ['1'])
          .answer;
        if (!done()) answered[mode]++;
      });
    await Promise.all([keepBusy('readwrite'), keepBusy('readonly')]);
    expect(answered.readwrite).toBeGreaterThan(0);
    expect(answered.readonly).toBeGreaterThan(0);
  });

  it('leaves requests waiting in order, and tells them when their time is up', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town, { budget: 1, each: { connectionTimeoutMs: 300 } });
    const [a, b] = town.ids;
    const connection = await pools.manager.getPool(a).acquire();
    const waiting = pools.manager.getPool(b).query('select 1');
    await expect(waiting).rejects.toMatchObject({ code: 'queue_timeout' });
    const { waitMs, usage } = pools.manager.getPoolStats(b ?? '');
    expect([waitMs.p50 > 0, usage.waitMs > 0, usage.refused]).toEqual([true, true, 1]);
    connection.release();
    await expect(pools.manager.getPool(b).query('select 1 as one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });
});

describe('Postgres’s own limit', () => {
  it('makes requests wait, and fails them with its reason only when their time is up', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { connectionTimeoutMs: 1_000 } });
    const [id = ''] = town.ids;
    await town.admin.query(`alter role pooled_${id} connection limit 1`);
    const { host, port } = town.server;
    const holder = new Client({ host, port, database: town.database, user: `pooled_${id}`, password: 'pw' });
    await holder.connect();
    await expect(pools.manager.query('select 1', [], { tenantId: id })).rejects.toMatchObject({ code: 'too_many_connections' });
    const waiting = pools.manager.query('select 1 as one', [], { tenantId: id });
    await holder.end();
    await expect(waiting).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });
});
