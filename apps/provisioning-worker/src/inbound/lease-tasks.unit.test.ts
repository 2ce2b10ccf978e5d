import { describe, expect, it } from 'vitest';
import type { LeasedItem } from '../store/work.ts';
import { leaseTasks } from './lease-tasks.ts';

// Only whose it is matters here.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const item = (tenantId: string) => ({ tenantId }) as LeasedItem;
const lease = (tenantId: string) => ({ tenantId, token: '1', toEnd: [] });

/** What is leased of so much due work: `item 1`, `home 1`, `migration 1` … */
async function leased(due: { others: number; homes: number; migrations: number }, slots: { limit: number; migrations: number }) {
  const asked: string[] = [];
  const upTo =
    <Leased>(what: string, count: number, make: (id: string) => Leased) =>
    async (limit: number): Promise<Leased[]> => {
      asked.push(what);
      return Array.from({ length: Math.min(count, limit) }, (_, n) => make(`${what} ${n + 1}`));
    };
  const tasks = await leaseTasks(
    {
      others: upTo('item', due.others, item),
      homes: upTo('home', due.homes, lease),
      migrations: upTo('migration', due.migrations, item),
    },
    slots,
  );
  return { asked, tasks: tasks.map((task) => (task.kind === 'home' ? task.lease.tenantId : task.item.tenantId)) };
}

describe('the free slots of a server', () => {
  it('go to a suspension before a rollout, however many migrations are due', async () => {
    const { tasks } = await leased({ others: 1, homes: 2, migrations: 100 }, { limit: 4, migrations: 4 });
    expect(tasks).toEqual(['item 1', 'home 1', 'home 2', 'migration 1']);
  });

  it('are not all for migrations where those are bounded', async () => {
    expect((await leased({ others: 0, homes: 0, migrations: 100 }, { limit: 4, migrations: 2 })).tasks).toHaveLength(2);
    expect((await leased({ others: 0, homes: 0, migrations: 100 }, { limit: 4, migrations: -1 })).asked).toEqual([
      'item',
      'home',
    ]);
  });

  it('once given away lead to no further question', async () => {
    expect((await leased({ others: 9, homes: 9, migrations: 9 }, { limit: 3, migrations: 3 })).asked).toEqual(['item']);
  });
});
