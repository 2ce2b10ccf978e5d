import type { Tier } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { undoHome } from '../src/index.ts';
import { type Bench, newTenant, startBench, type Tenant, withOneTable } from './homes.ts';

let bench: Bench;
let neighbour: Tenant;
let sharedNeighbour: Tenant;

beforeAll(async () => {
  bench = withOneTable(await startBench(['fsync=off']));
  neighbour = await newTenant(bench, 'enterprise', 'granting');
  sharedNeighbour = await newTenant(bench, 'standard', 'granting');
});

afterAll(() => bench.stop());

/** Everything in which a tenant may name a role that is not its own. */
async function nameEverywhere({ role, readonlyRole }: Tenant['names']): Promise<void> {
  const own = await neighbour.connect('read-write');
  const ownReadOnly = await neighbour.connect('read-only');
  const shared = await sharedNeighbour.connect('read-only');
  try {
    await own.query(`
      create table own.bait (a int);
      create function own.bait() returns int language sql return 1;
      create type own.mood as enum ('calm');
      alter table own.bait enable row level security;
      create policy bait on own.bait to ${role}, ${readonlyRole} using (true);
      grant all on own.bait to ${role}, ${readonlyRole} with grant option;
      grant select (a) on own.bait to ${role};
      grant execute on function own.bait() to ${role};
      grant usage on type own.mood to ${role};
      grant select on own.bait to ${neighbour.names.readonlyRole} with grant option;
      alter default privileges grant select on tables to ${role};`);
    await ownReadOnly.query(
      `grant select on own.bait to ${role}, ${readonlyRole}; alter default privileges grant select on tables to ${role}`,
    );
    await shared.query(`alter default privileges grant select on tables to ${role}, ${readonlyRole}`);
  } finally {
    await Promise.all([own, ownReadOnly, shared].map((client) => client.end()));
  }
}

describe('a home whose roles other tenants have named', () => {
  it.each<Tier>(['enterprise', 'standard', 'small'])('is removed all the same (%s)', async (tier) => {
    const { home, names } = await newTenant(bench, tier, 'named');
    await nameEverywhere(names);
    const { removed, kept } = await undoHome(bench.admin, home, { creationRecorded: true });
    expect(kept).toEqual([]);
    expect(removed.map(({ name }) => name)).toEqual(expect.arrayContaining([names.role, names.readonlyRole]));
    const own = await neighbour.connect('read-write');
    // What the neighbour made is its own and stays; the admin has given its rights back.
    const { rows } = await own.query<{ rows: number; joined: boolean }>(
      `select (select count(*)::int from own.bait) as rows,
              pg_has_role('ultracore_admin', '${neighbour.names.role}', 'usage') as joined`,
    );
    await own.query('drop table own.bait; drop function own.bait(); drop type own.mood');
    await own.end();
    expect(rows).toEqual([{ rows: 0, joined: false }]);
  });
});
