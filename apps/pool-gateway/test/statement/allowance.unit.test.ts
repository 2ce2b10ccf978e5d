import { describe, expect, test } from 'vitest';
import { createAllowance } from '../../src/statement/allowance.ts';
import { createStatementGuard } from '../../src/statement/guard.ts';
import { createRoundRobin } from '../../src/statement/round-robin.ts';

describe('the time of a tenant for texts never seen before', () => {
  test('is spent and comes back, and is each tenant’s own', () => {
    let ms = 0;
    const allowance = createAllowance(() => ms);
    allowance.spend('a', 60);
    expect([allowance.has('a'), allowance.has('b')]).toEqual([false, true]);
    expect(allowance.isOverdrawn('a')).toBe(false);
    allowance.spend('a', 60);
    expect(allowance.isOverdrawn('a')).toBe(true);
    ms += 3_000;
    expect(allowance.has('a')).toBe(false);
    ms += 1_000;
    expect(allowance.has('a')).toBe(true);
  });
});

describe('the time of all tenants for texts never seen before', () => {
  test('is bounded, however many they are, and comes back', () => {
    let ms = 0;
    const allowance = createAllowance(() => ms);
    const tenants = Array.from({ length: 1000 }, (_, n) => `tenant-${n}`);
    const spentAt = (): number => {
      const served = tenants.filter((tenant) => allowance.has(tenant) && (allowance.spend(tenant, 10), true));
      return served.length * 10;
    };
    expect(spentAt()).toBe(500);
    ms += 1000;
    expect(spentAt()).toBe(200);
    expect(allowance.isOverdrawn('tenant-999')).toBe(false);
  });
});

describe('the guard', () => {
  test('has texts of a tenant without time left parsed on the thread, and refuses those that were not', async () => {
    const spent = new Set<string>();
    const guard = await createStatementGuard({
      allowance: { has: (id) => !spent.has(id), isOverdrawn: (id) => spent.has(id), spend: () => undefined },
    });
    const place = { tier: 'small', inTransaction: false } as const;
    expect(guard.prepare('select 1', 'greedy')).toBeUndefined();
    spent.add('greedy');
    expect(guard.inspect('select 2', place, 'greedy')).toMatchObject({ allowed: false, code: 'guard_busy' });
    await guard.prepare('select 2', 'greedy');
    expect(guard.inspect('select 2', place, 'greedy')).toMatchObject({ allowed: true });
    expect(guard.inspect('select 3', place, 'modest')).toMatchObject({ allowed: true });
    await guard.close();
  });

  test('parses nothing on the spot once all tenants have spent what there is, also of a tenant whose line for the thread is full', async () => {
    const allowance = createAllowance(() => 0);
    for (let n = 0; n < 100; n += 1) allowance.spend(`tenant-${n}`, 11);
    const guard = await createStatementGuard({ allowance });
    const line = async (n: number) => guard.prepare(`select '${`${n}`.repeat(5_000)}'`, 'acme');
    const lines = Array.from({ length: 9 }, (_, n) => line(n));
    await guard.prepare('select 1', 'acme');
    const place = { tier: 'small', inTransaction: false } as const;
    expect(guard.inspect('select 1', place, 'acme')).toMatchObject({ allowed: false, code: 'guard_busy' });
    await guard.close();
    await Promise.all(lines);
  });

  test('keeps no tenant’s long text waiting for many of another', async () => {
    const guard = await createStatementGuard();
    const long = (name: string) => `select '${name.repeat(3_000)}'`;
    const done: string[] = [];
    const wait = async (text: string, tenantId: string) => {
      await guard.prepare(text, tenantId);
      done.push(tenantId);
    };
    const many = Array.from({ length: 8 }, (_, n) => wait(long(`${n}a`), 'greedy'));
    await Promise.all([...many, wait(long('b'), 'modest')]);
    expect(done.indexOf('modest')).toBeLessThan(3);
    await guard.close();
  });
});

describe('round robin', () => {
  test('goes round by owner; of each the first comes first', () => {
    const waiting = createRoundRobin<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) waiting.add(item.charAt(0), item);
    expect(waiting.sizeOf('a')).toBe(3);
    expect(Array.from({ length: 7 }, () => waiting.take())).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined]);
    expect(waiting.size()).toBe(0);
  });
});
