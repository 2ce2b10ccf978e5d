import { testStack, waitFor } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { foundTown, manage } from './tenants.ts';

describe('what a tenant has used', () => {
  it('grows after its removal, until what was cancelled has ended and its last connection is closed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const id = town.ids[0] ?? '';
    const sleeping = ask(pools.manager.getPool(id), 'select pg_sleep(60)', [], { lane: 'own' });
    const isRunning = async () =>
      (await town.admin.query(`select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`))
        .rowCount;
    await waitFor(isRunning, { what: 'the statement to run' });
    const usage = pools.manager.removeTenant(id, 'of the test');
    expect(usage?.()).toMatchObject({ statements: 0, busyMs: 0, connections: 1 });
    await expect(sleeping.answer).rejects.toMatchObject({ code: 'tenant_removed' });
    await waitFor(() => usage?.().connections === 0, { what: 'the connection to be closed' });
    const used = usage?.();
    expect(used?.statements).toBe(1);
    expect(used?.busyMs).toBeGreaterThan(0);
    expect(used?.connectionMs).toBeGreaterThanOrEqual(used?.busyMs ?? 0);
    expect(pools.manager.removeTenant(id, 'of the test')).toBeUndefined();
  });

  it('can still be learnt when the manager is closed', async () => {
    await using town = await foundTown(testStack(), 1);
    await using pools = manage(town);
    const id = town.ids[0] ?? '';
    await pools.manager.query('select 1', [], { tenantId: id });
    await pools.manager.close();
    expect(pools.manager.usageOf(id)).toMatchObject({ statements: 1, connections: 0, peakTotal: 1 });
    expect(pools.manager.usageOf(id).connectionMs).toBeGreaterThan(0);
    expect(() => pools.manager.usageOf('nobody')).toThrow(/not registered/);
    expect(() => pools.manager.getPool(id)).toThrow(/closed/);
    expect(pools.manager.hasTenant(id)).toBe(false);
  });
});
