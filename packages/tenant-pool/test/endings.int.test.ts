import { testStack, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { foundTown, manage, type Town } from './tenants.ts';
import { watchConnections } from './watch-connections.ts';

/** Catches every cancel and timeout, as code of a tenant may. */
const UNCANCELLABLE = `do $$ begin loop
  begin perform pg_sleep(1000); exception when query_canceled then null; end;
end loop; end $$`;

const endAll = (town: Town) =>
  town.admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [town.applicationName]);

describe('a statement that no cancel ends', () => {
  it('has its session ended by the server, also when such statements have all that tenants may have of the budget', async () => {
    await using town = await foundTown(testStack(), 3);
    const budget = 10;
    await using pools = manage(town, { budget, each: { maxConnections: 6 } });
    const [a = '', b = '', c = ''] = town.ids;
    const watch = await watchConnections(town);
    try {
      const asked = [a, a, a, a, a, b, b, b, b].map((id) => ask(pools.manager.getPool(id), UNCANCELLABLE, [], { lane: 'own' }));
      await waitFor(() => pools.manager.getPoolStats().inUse === asked.length, { what: 'all of them to run' });
      for (const { handle } of asked) handle.abort();
      for (const { answer } of asked) await expect(answer).rejects.toMatchObject({ code: 'aborted' });
      await waitFor(async () => (await town.connections()) === 0, { what: 'the server to have ended their sessions' });
      await expect(pools.manager.query('select 1', [], { tenantId: c })).resolves.toMatchObject({ rowCount: 1 });
    } finally {
      await watch.stop();
      await endAll(town);
    }
    expect(watch.most()).toBeLessThanOrEqual(budget);
  });

  it('counts until the server has ended its session, which another connection of the same login has it do', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town, { budget: 2, each: { maxConnections: 2 } });
    const pool = pools.manager.getPool(town.ids[0]);
    const counted: boolean[] = [];
    try {
      const { answer, handle } = ask(pool, UNCANCELLABLE, [], { lane: 'own' });
      await waitFor(() => pool.stats().inUse === 1, { what: 'it to run' });
      await pool.query('select 1');
      handle.abort();
      await expect(answer).rejects.toMatchObject({ code: 'aborted' });
      await waitFor(
        async () => {
          const used = pools.manager.getPoolStats().servers[0]?.used ?? 0;
          counted.push(used >= (await town.connections()));
          return used === 1;
        },
        { what: 'it to count no more' },
      );
      expect(await town.connections()).toBe(1);
      await expect(pool.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
      expect(pool.stats().opened).toBe(2);
    } finally {
      await endAll(town);
    }
    expect(counted).not.toContain(false);
  });
});

describe('a process that dies', () => {
  it('leaves no statement running: the server looks each second whether anybody is there', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const pool = pools.manager.getPool(town.ids[0]);
    expect((await pool.query('show client_connection_check_interval')).rows).toEqual([
      { client_connection_check_interval: '1s' },
    ]);
  });
});
