import { testStack, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { foundTown, manage } from './tenants.ts';

describe('a pool', () => {
  it('opens on first use, runs each login’s statements as that login, and says so in its statistics', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town);
    const [a = '', b = ''] = town.ids;
    expect(await town.connections()).toBe(0);
    const who = 'select session_user as who, name from mine where id = $1';
    const { rows } = await pools.manager.query(who, [1], { tenantId: a });
    expect(rows).toEqual([{ who: `pooled_${a}`, name: a }]);
    const reads = pools.manager.getPool(b, { readonly: true });
    expect((await reads.query<{ who: string }>('select session_user as who')).rows[0]?.who).toBe(`pooled_${b}__ro`);
    await expect(reads.query('insert into notes (body) values ($1)', ['x'])).rejects.toMatchObject({
      code: 'postgres',
      sqlstate: '42501',
    });
    expect(await town.connections()).toBe(2);
    expect(pools.manager.getPoolStats(a)).toMatchObject({
      total: 1,
      idle: 1,
      inUse: 0,
      waiting: 0,
      hits: 0,
      misses: 1,
      opened: 1,
    });
    expect(pools.manager.getPoolStats()).toMatchObject({ tenants: 2, total: 2, servers: [{ budget: 20, used: 2 }] });
    expect(pools.manager.totals()).toEqual({ connections: 2, waiting: 0 });
    expect(pools.manager.health()).toBeUndefined();
  });

  it('gives typed values as pg does, with timestamps in UTC', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { currentTenant: () => town.ids[0] });
    const { rows, rowCount, command, fields } = await pools.manager.query(
      `select $1::int as i, $2::bigint as big, $3::numeric as exact, $4::boolean as yes, $5::timestamptz as at, $6::timestamp as local,
              $7::jsonb as doc, $8::bytea as bytes, $9::text[] as words, null::text as nothing, $10::interval as span, 1.5::float8 as f`,
      [7, 2n ** 62n, '1.10', true, new Date(5), '2026-01-02 03:04:05', { a: [1] }, Buffer.from([0, 255]), ['a"', null], '90 min'],
    );
    expect(rows).toEqual([
      {
        i: 7,
        big: String(2n ** 62n),
        exact: '1.10',
        yes: true,
        at: new Date(5),
        local: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)),
        doc: { a: [1] },
        bytes: Buffer.from([0, 255]),
        words: ['a"', null],
        nothing: null,
        span: 'PT1H30M',
        f: 1.5,
      },
    ]);
    expect({ rowCount, command, first: fields[0] }).toMatchObject({
      rowCount: 1,
      command: 'SELECT',
      first: { name: 'i', typeOid: 23 },
    });
  });

  it('commits a transaction when its work returns, and leaves nothing of it when it throws or a statement in it had failed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { currentTenant: () => town.ids[0], each: { maxConnections: 1 } });
    const { manager } = pools;
    const notes = async () =>
      (await manager.query<{ body: string }>('select body from notes order by body')).rows.map(({ body }) => body);
    await manager.transaction(
      async (tx) => {
        await tx.query('insert into notes (body) values ($1)', ['kept']);
        expect((await tx.query<{ level: string }>('show transaction_isolation')).rows).toEqual([
          { transaction_isolation: 'serializable' },
        ]);
      },
      { isolation: 'serializable' },
    );
    const thrown = manager.transaction(async (tx) => {
      await tx.query('insert into notes (body) values ($1)', ['thrown away']);
      throw new Error('no');
    });
    await expect(thrown).rejects.toThrow('no');
    const swallowed = manager.transaction(async (tx) => {
      await tx.query('insert into notes (body) values ($1)', ['rolled back']);
      await tx.query('select 1 / 0').catch(() => {});
    });
    await expect(swallowed).rejects.toMatchObject({ code: 'transaction_rolled_back' });
    expect(await notes()).toEqual(['kept']);
    expect(pools.manager.getPoolStats(town.ids[0] ?? '')).toMatchObject({ opened: 1, closed: 0 });
  });

  it('holds no row that is longer than may be, and goes on with the connection', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { maxRowBytes: 1_000 });
    const pool = pools.manager.getPool(town.ids[0]);
    const row = "select repeat('x', $1::int) as text";
    await expect(pool.query(row, [1_000])).rejects.toMatchObject({ code: 'message_too_large' });
    await expect(pool.query(row, [900])).resolves.toMatchObject({ rowCount: 1 });
    expect(pool.stats().opened).toBe(1);
  });

  it('reads no more of a result with a row that is longer than may be', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { maxRowBytes: 10_000 });
    const pool = pools.manager.getPool(town.ids[0]);
    const text = "select repeat('x', 20000) from generate_series(1, 10000) a, generate_series(1, 10000) b";
    const { answer } = ask(pool, text, [], { repeatable: true, deadline: performance.now() + 120_000 });
    await expect(answer).rejects.toMatchObject({ code: 'message_too_large' });
    await waitFor(() => pool.stats().inUse === 0, { what: 'it to be cancelled', deadlineMs: 10_000 });
  }, 30_000);

  it('runs as many statements at one time as the tenant may, and refuses what would wait too long a line', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { maxQueued: 3, each: { maxConcurrentQueries: 2 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const asked = Array.from({ length: 6 }, () => ask(pool, 'select pg_sleep(0.2)'));
    const results = await Promise.allSettled(asked.map(({ answer }) => answer));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))).toEqual([
      'queue_full',
      'queue_full',
      'queue_full',
    ]);
    expect(asked.map(({ ends }) => ends())).toEqual([1, 1, 1, 1, 1, 1]);
    expect(pools.manager.getPoolStats(town.ids[0] ?? '').usage).toMatchObject({ statements: 3, refused: 3 });
  });

  it('closes idle connections down to none once the tenant is out of use, and keeps the minimum while it is in use', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town, { each: { minConnections: 2, idleTimeoutMs: 1_500 } });
    const [used = '', once = ''] = town.ids;
    await pools.manager.query('select 1', [], { tenantId: once });
    await waitFor(
      async () => {
        await pools.manager.query('select 1', [], { tenantId: used });
        return pools.manager.getPoolStats(once).total === 0 && pools.manager.getPoolStats(used).total === 2;
      },
      { what: 'the idle tenant to have no connection and the used one its minimum' },
    );
    await waitFor(() => pools.manager.getPoolStats().servers[0]?.used === 0, { what: 'all connections to be closed' });
    expect(await town.connections()).toBe(0);
  });

  it('gives up connections when it is resized, and opens no more than it then may', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const [id = ''] = town.ids;
    const pool = pools.manager.getPool(id);
    const held = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    expect(await town.connections()).toBe(3);
    pools.manager.resizePool(id, { minConnections: 0, maxConnections: 1 });
    for (const connection of held) connection.release();
    await waitFor(async () => (await town.connections()) === 1, { what: 'the connections too many to be closed' });
    await waitFor(() => pools.manager.getPoolStats(id).total === 1, { what: 'the pool to know it' });
    expect(pools.manager.getPoolStats(id)).toMatchObject({ max: 1, closed: 2 });
    expect(() => pools.manager.resizePool(id, { minConnections: 2, maxConnections: 1 })).toThrow(
      expect.objectContaining({ code: 'pool_invalid' }),
    );
  });

  it('runs what comes after a change of settings or memory on connections that began with it, and ends what runs where it is', async () => {
    await using town = await foundTown(testStack(), 1);
    const [id = ''] = town.ids;
    await using pools = manage(town, { each: { maxConnections: 3, maxMemoryMb: 48 } });
    const setting = 'select current_setting($1) as now, pg_backend_pid() as pid';
    const lent = await pools.manager.getPool(id).acquire();
    await lent.begin();
    const first = await pools.manager.query<{ now: string; pid: number }>(setting, ['work_mem'], { tenantId: id });
    pools.manager.registerTenant(
      town.registration(id, { maxConnections: 3, maxMemoryMb: 96, settings: { DateStyle: 'German' } }),
    );
    const next = await pools.manager.query<{ now: string; pid: number }>(setting, ['work_mem'], { tenantId: id });
    const again = await pools.manager.query<{ now: string; pid: number }>(setting, ['DateStyle'], { tenantId: id });
    expect([first.rows[0]?.now, next.rows[0]?.now, again.rows[0]?.now]).toEqual(['4MB', '8MB', 'German, DMY']);
    pools.manager.registerTenant(
      town.registration(id, { maxConnections: 3, maxMemoryMb: 96, settings: { DateStyle: 'German' } }),
    );
    const same = await pools.manager.query<{ pid: number }>(setting, ['work_mem'], { tenantId: id });
    expect(same.rows[0]?.pid).toBe(again.rows[0]?.pid);
    await lent.commit();
    lent.release();
  });

  it('shares the tenant’s connections between its two logins, also when there is only one', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const [writes, reads] = [pools.manager.getPool(town.ids[0]), pools.manager.getPool(town.ids[0], { readonly: true })];
    for (let turn = 0; turn < 3; turn++) {
      await Promise.all([writes.query('select 1'), reads.query('select 1')]);
      expect(await town.connections()).toBeLessThanOrEqual(1);
    }
  });

  it('knows the types of a text’s parameters from the server, once', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    const text = 'select $1::int[], $2::jsonb, $3::text';
    expect(await pool.describe(text)).toEqual([1007, 3802, 25]);
    expect(await pool.describe(text)).toEqual([1007, 3802, 25]);
    expect(pool.stats()).toMatchObject({ hits: 0, misses: 1 });
    const other = 'select $1::text[]';
    const gone = pool.describe(other, { signal: AbortSignal.abort() });
    const many = Array.from({ length: 50 }, () => pool.describe(other));
    await expect(gone).rejects.toMatchObject({ code: 'aborted' });
    expect((await Promise.all(many)).flat()).toEqual(many.map(() => 1009));
    expect(pool.stats()).toMatchObject({ hits: 1, misses: 1 });
    await expect(pool.describe('select nonsense')).rejects.toMatchObject({ code: 'postgres', sqlstate: '42703' });
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('asks no longer than somebody waits, and who joins others does not run out of time with them', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const [id = ''] = town.ids;
    const pool = pools.manager.getPool(id);
    const text = 'select name from mine where id = $1';
    const held = await pool.acquire();
    await expect(pool.describe(text, { deadline: performance.now() + 20 })).rejects.toMatchObject({ code: 'queue_timeout' });
    await waitFor(() => pool.stats().waiting === 0, { what: 'nobody to wait', deadlineMs: 5_000 });
    pools.manager.registerTenant(town.registration(id, { maxConnections: 1, connectionTimeoutMs: 300 }));
    const first = pool.describe(text).catch((error: unknown) => error);
    const second = pool.describe(text);
    expect(await first).toMatchObject({ code: 'queue_timeout' });
    held.release();
    expect(await second).toEqual([23]);
  });

  it('knows the types of what a transaction has made itself, on its own connection', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    await town.admin.query(`grant temporary on database ${town.database} to public`);
    await using connection = await pools.manager.getPool(town.ids[0]).acquire();
    await connection.begin();
    await connection.query('create temporary table made (list int[])');
    expect(await connection.describe('insert into made values ($1)')).toEqual([1007]);
    await expect(connection.describe('select nonsense')).rejects.toMatchObject({ sqlstate: '42703' });
  });

  it('says why it cannot serve: no such tenant, none named, closed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const { manager } = pools;
    const pool = manager.getPool(town.ids[0]);
    expect(() => manager.getPool('nobody')).toThrow(expect.objectContaining({ code: 'unknown_tenant' }));
    await expect(manager.query('select 1')).rejects.toMatchObject({ code: 'unknown_tenant' });
    await pool.query('select 1');
    const running = pool.query('select pg_sleep(0.3), 1 as one');
    await waitFor(() => pool.stats().inUse === 1, { what: 'the statement to run' });
    const closing = manager.close(5_000);
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'closed' });
    await expect(running).resolves.toMatchObject({ rowCount: 1 });
    await closing;
    expect(manager.health()).toBeDefined();
    expect(await town.connections()).toBe(0);
  });
});
