import { testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { foundTown, manage } from './tenants.ts';

describe('a pool', () => {
  it('opens on first use, runs each login’s statements as that login, and says so in its statistics', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town);
    const [a = '', b = ''] = town.ids;
    expect(await town.connections()).toBe(0);
    const { rows } = await pools.manager.query<{ who: string; name: string }>(
      'select session_user as who, name from mine where id = $1',
      [1],
      {
        tenantId: a,
      },
    );
    expect(rows).toEqual([{ who: `uc_${a}`, name: a }]);
    const reads = pools.manager.getPool(b, { readonly: true });
    expect((await reads.query<{ who: string }>('select session_user as who')).rows[0]?.who).toBe(`uc_${b}__ro`);
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
  });
});
