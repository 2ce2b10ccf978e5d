import { testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { foundTown, manage } from './tenants.ts';

describe('a connection that is used again', () => {
  it('leaves nothing of one caller to the next', async () => {
    await using town = await foundTown(testStack(), 1);
    await town.admin.query(`grant temporary on database ${town.database} to pooled_${town.ids[0] ?? ''}`);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    {
      await using connection = await pool.acquire();
      await connection.query("set search_path = 'pg_catalog'");
      await connection.query('create temporary table leftover (id int)');
      await connection.query('prepare leftover as select 1');
      await connection.query('select pg_advisory_lock(7)');
    }
    await ask(pool, "set statement_timeout = '1h'", [], { lane: 'own' }).answer;
    const { rows } =
      await pool.query(`select current_setting('search_path') as path, current_setting('statement_timeout') as timeout,
      to_regclass('pg_temp.leftover')::text as temporary, (select count(*)::int from pg_prepared_statements where name = 'leftover') as prepared,
      (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`);
    expect(rows).toEqual([{ path: town.ids[0], timeout: '30s', temporary: null, prepared: 0, locks: 0 }]);
    expect(pool.stats()).toMatchObject({ opened: 1, closed: 0 });
  });

  it('leaves neither what a session remembers of sequences nor random numbers that somebody knows', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const [id = ''] = town.ids;
    await town.admin.query(`grant usage on all sequences in schema ${id} to pooled_${id}`);
    const pool = pools.manager.getPool(id);
    const random = async (): Promise<unknown> => {
      await using connection = await pool.acquire();
      await connection.query('select setseed(0.5)');
      const { rows } = await connection.query('select random()');
      await connection.query('select setseed(0.5)');
      return rows[0];
    };
    const known = await random();
    expect(known).toEqual(await random());
    await pool.query("insert into notes (body) values ('another’s')");
    await expect(ask(pool, 'select lastval()', [], { lane: 'own' }).answer).rejects.toMatchObject({ sqlstate: '55000' });
    await random();
    {
      await using connection = await pool.acquire();
      expect((await connection.query('select random()')).rows[0]).not.toEqual(known);
      await connection.begin();
      await connection.query("insert into notes (body) values ('its own')");
      expect((await connection.query('select lastval()')).rows).toEqual([{ lastval: '2' }]);
      await connection.rollback();
    }
    expect(pool.stats()).toMatchObject({ opened: 1, closed: 0 });
  });

  it('rolls back what is open when a connection is given back, and closes one whose settings a shared statement has changed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { each: { maxConnections: 1 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const connection = await pool.acquire();
    await connection.begin();
    await connection.query('insert into notes (body) values ($1)', ['left open']);
    connection.release();
    connection.release();
    await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'connection_released' });
    expect((await pool.query('select 1 from notes')).rows).toEqual([]);
    const failing = await pool.acquire();
    await failing.begin();
    await failing.query("set local time zone 'Asia/Tokyo'");
    await expect(failing.query('select 1 / 0')).rejects.toMatchObject({ sqlstate: '22012' });
    failing.release();
    expect((await pool.query("select current_setting('TimeZone') as zone")).rows).toEqual([{ zone: 'UTC' }]);
    expect(pool.stats()).toMatchObject({ opened: 1, closed: 0 });
    await pool.query("select set_config('TimeZone', 'Asia/Tokyo', false)");
    expect((await pool.query("select current_setting('TimeZone') as zone")).rows).toEqual([{ zone: 'UTC' }]);
    expect(pool.stats()).toMatchObject({ opened: 2, closed: 1 });
  });
});
