import { TIERS } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  closeTenant,
  type Connect,
  findLeftovers,
  listRequestsOf,
  removeRows,
  SHARED_DATABASE,
  takeInventory,
  undoHome,
  withConnection,
} from '../src/index.ts';
import { type Bench, newTenant, startBench, type Tenant } from './homes.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench(['fsync=off']);
});
afterAll(() => bench.stop());

const asSuperuser = <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
  withConnection(bench.superuser, SHARED_DATABASE, async (connection) => (await connection.query<Row>(sql, values)).rows);

/** That many clients, and three accounts with holders and portfolios, which refer to them and to one another. */
async function fill(tenant: Tenant, clients: number): Promise<void> {
  const client = await tenant.connect('read-write');
  try {
    await client.query(
      `insert into clients (kind, family_name) select 'person', 'client ' || n from generate_series(1, $1::int) n`,
      [clients],
    );
    await client.query(`
      insert into accounts (account_number, name, kind, currency) select 'ACC-' || n, 'account', 'cash', 'CHF' from generate_series(1, 3) n;
      insert into account_holders (account_id, client_id) select a.id, (select id from clients limit 1) from accounts a;
      insert into portfolios (account_id, name, mandate, base_currency) select id, 'portfolio', 'advisory', 'CHF' from accounts`);
  } finally {
    await client.end();
  }
}

const purge = async ({ home }: Tenant): Promise<void> => {
  await closeTenant(bench.admin, home.tenantId);
  if (home.tier === 'small') await removeRows(bench.admin, home.tenantId);
  for (const requestId of await listRequestsOf(bench.admin, home.tenantId)) {
    await undoHome(bench.admin, { ...home, requestId }, { creationRecorded: false });
  }
};

describe.each(TIERS)('a %s tenant', (tier) => {
  it('is found whole before its purge and nowhere after it', async () => {
    const tenant = await newTenant(bench, tier, 'whole');
    await fill(tenant, 3);
    const { home, names } = tenant;
    expect(await listRequestsOf(bench.admin, home.tenantId)).toEqual([home.requestId]);
    const inventory = await takeInventory(bench.admin, home);
    expect(inventory[0]?.counted).toMatchObject({ rows: tier === 'small' ? 3 : 12 });
    expect(inventory.slice(tier === 'small' ? 4 : 1).map(({ name }) => name)).toEqual([names.role, names.readonlyRole]);
    expect((await findLeftovers(bench.admin, home.tenantId)).map(({ kind }) => kind)).toEqual(
      {
        enterprise: ['database', 'role', 'role'],
        standard: ['migration_history', 'role', 'role', 'schema'],
        small: ['role', 'role', 'rows', 'rows', 'rows', 'rows'],
      }[tier],
    );
    await purge(tenant);
    expect(await findLeftovers(bench.admin, home.tenantId)).toEqual([]);
    expect(await takeInventory(bench.admin, home)).toEqual([]);
    expect(await listRequestsOf(bench.admin, home.tenantId)).toEqual([]);
  });
});

it('a large home is counted for longer than any other statement may take', async () => {
  const tenant = await newTenant(bench, 'standard', 'slow');
  await fill(tenant, 3);
  const hurried: Connect = async (database) => {
    const client = await bench.admin(database);
    await client.query(`set statement_timeout = '300ms'`);
    return client;
  };
  // The count has to wait for this lock, as it would for a disk.
  const holder = await bench.superuser(SHARED_DATABASE);
  await holder.query(`begin; lock table ${tenant.names.schema}.clients in access exclusive mode`);
  try {
    const counting = takeInventory(hurried, tenant.home);
    const tooLong = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%count(*)%' and now() - query_start > '500ms'`;
    await Promise.race([counting, waitFor(async () => (await asSuperuser(tooLong)).length, { what: 'a count that takes long' })]);
    await holder.query('commit');
    expect((await counting)[0]?.counted).toMatchObject({ rows: 12 });
  } finally {
    await holder.end();
  }
});

describe('the rows of a small tenant', () => {
  it('go in batches, children before their parents, and none of another tenant with them', async () => {
    const [going, staying] = [await newTenant(bench, 'small', 'going'), await newTenant(bench, 'small', 'staying')];
    await fill(going, 12_000);
    await fill(staying, 10);
    await removeRows(bench.admin, going.home.tenantId);
    const count = 'select count(*)::int as rows from app.clients where tenant_id = $1';
    expect(await asSuperuser(count, [going.home.tenantId])).toEqual([{ rows: 0 }]);
    expect(await asSuperuser(count, [staying.home.tenantId])).toEqual([{ rows: 10 }]);
  });
});

it('the planner’s statistics keep no value of rows that are gone, also when the removal was cut off before it came to them', async () => {
  const [going, staying] = [await newTenant(bench, 'small', 'forgotten'), await newTenant(bench, 'small', 'remembered')];
  for (const tenant of [going, staying]) await fill(tenant, 50);
  const known = async (): Promise<boolean> => {
    const [row] = await asSuperuser<{ known: boolean }>(
      `select bool_or(concat(most_common_vals, histogram_bounds) like '%' || $1 || '%') as known from pg_stats where schemaname = 'app'`,
      [going.home.tenantId],
    );
    return row?.known === true;
  };
  await asSuperuser('analyze app.clients, app.accounts, app.portfolios');
  expect(await known()).toBe(true);
  const cut: Connect = async (database) => {
    const client = await bench.admin(database);
    const query = (text: string, values?: unknown[]) => {
      if (text.startsWith('analyze')) throw new Error('cut off');
      return client.query(text, values);
    };
    return new Proxy(client, {
      get: (target, property) => (property === 'query' ? query : property === 'end' ? () => target.end() : undefined),
    });
  };
  await expect(removeRows(cut, going.home.tenantId)).rejects.toThrow('cut off');
  await removeRows(bench.admin, going.home.tenantId);
  expect(await known()).toBe(false);
});

describe('a search that could not have seen', () => {
  it.each([
    [
      'for want of the maintenance policy',
      'drop policy maintenance on app.clients',
      'create policy maintenance on app.clients to ultracore_maint using (true) with check (true)',
    ],
    [
      'because of a policy that hides rows',
      'create policy hide on app.clients as restrictive to public using (false)',
      'drop policy hide on app.clients',
    ],
    [
      'because the right to read was taken away',
      'revoke select on app.clients from ultracore_maint',
      'grant select on app.clients to ultracore_maint',
    ],
  ])('says so: %s', async (_, blindfold, mend) => {
    await asSuperuser(blindfold);
    try {
      await expect(findLeftovers(bench.admin, 'anybody')).rejects.toMatchObject({ code: 'blind' });
      await expect(removeRows(bench.admin, 'anybody')).rejects.toMatchObject({ code: 'blind' });
    } finally {
      await asSuperuser(mend);
    }
    expect(await findLeftovers(bench.admin, 'anybody')).toEqual([]);
  });

  it('leaves no marker behind, however many search at once', async () => {
    const found = await Promise.all(Array.from({ length: 6 }, () => findLeftovers(bench.admin, 'anybody')));
    expect(found.flat()).toEqual([]);
    expect(await asSuperuser(`select relname from pg_class where relname like 'marker\\_\\_%'`)).toEqual([]);
  });
});
