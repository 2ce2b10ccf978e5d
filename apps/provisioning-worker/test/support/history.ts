import { TIERS, type DirectoryRow } from '@ultracore/contracts';
import { homeNames } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { array, constantFrom, integer, nat, record } from 'fast-check';
import { expect } from 'vitest';
import { wantedHome } from '../../src/provisioning/wanted.ts';
import { objectsOf, wholeHome } from './homes.ts';
import { playRegistry, type Registry } from './registry.ts';
import type { HomeServer, Rig } from './rig.ts';

const STEPS = ['create', 'suspend', 'reactivate', 'resize', 'rotate', 'migrate', 'terminate', 'purge', 'restart'] as const;
type Step = (typeof STEPS)[number];

interface Act {
  readonly tenant: number;
  readonly step: Step;
  readonly size: number;
}

const TENANTS = 6;

/** What may happen to a few tenants, in any order. What does not fit a tenant's status is not asked, as the registry would refuse it. */
export const histories = array(
  record({ tenant: nat({ max: TENANTS - 1 }), step: constantFrom(...STEPS), size: integer({ min: 1, max: 90 }) }),
  { minLength: 30, maxLength: 40 },
);

interface Player {
  readonly registry: Registry;
  /** Requests that the worker may be at while other things happen to the tenant. */
  readonly pending: Promise<unknown>[];
  born: boolean;
}

/** Lets a history happen with real workers, and waits until they have nothing more to do. Answers the directory at the end. */
export async function live(rig: Rig, server: HomeServer, name: string, history: readonly Act[]): Promise<DirectoryRow[]> {
  let worker = await rig.worker([server]);
  const players = Array.from({ length: TENANTS }, (_, index): Player => {
    const tier = TIERS[index % TIERS.length] ?? 'small';
    return { registry: playRegistry(rig.pool, server, `${name}-${index}-${tier}`, tier), pending: [], born: false };
  });
  for (const player of players) await act(player, { tenant: 0, step: 'create', size: 1 });
  for (const each of history) {
    const player = players[each.tenant];
    if (each.step === 'restart') {
      await worker.stop();
      worker = await rig.worker([server]);
    } else if (player !== undefined) await act(player, each);
    worker.wake();
  }
  await Promise.all(players.flatMap(({ pending }) => pending));
  for (const { registry } of players) await registry.untilClosed();
  const due = () => rig.pool.query('select from worker.directory_row where repair_at is not null');
  await waitFor(async () => (await due()).rowCount === 0, { what: 'every login to be as wanted' });
  await worker.stop();
  return players.map(({ registry }) => registry.row());
}

async function act(player: Player, { step, size }: Act): Promise<void> {
  const { registry, pending } = player;
  const { status, requests } = registry.row();
  const isHoused = status === 'active' || status === 'suspended';
  switch (step) {
    case 'create':
      if (player.born && status !== 'purged') return;
      if (player.born) {
        const none = { provision: null, rotate: null, purge: null, migrate: null, verify_replica: null };
        await registry.change({ life: registry.row().life + 1, requests: none });
      }
      player.born = true;
      await registry.create();
      expect(await registry.answer()).toBe('active');
      return;
    case 'suspend':
      return status === 'active' ? registry.change({ status: 'suspended' }) : undefined;
    case 'reactivate':
      return status === 'suspended' ? registry.change({ status: 'active' }) : undefined;
    case 'resize':
      return isHoused ? registry.change({ max_connections: size }) : undefined;
    case 'rotate':
      if (status !== 'active' || requests.rotate?.outcome === 'open') return;
      await registry.request('rotate');
      pending.push(registry.settle('rotate').then(({ type }) => expect(type).toBe('TenantPasswordRotatedEvent')));
      return;
    case 'migrate':
      if (!isHoused || requests.migrate?.outcome === 'open') return;
      await registry.request('migrate', { target_migration_version: '0003' });
      pending.push(registry.settle('migrate').then(({ type }) => expect(type).toBe('TenantMigrationsCompletedEvent')));
      return;
    case 'terminate':
      await Promise.all(pending);
      return isHoused ? registry.change({ status: 'terminated' }) : undefined;
    case 'purge':
      if (status !== 'terminated') return;
      await registry.request('purge');
      expect((await registry.settle('purge')).type).toBe('TenantDataPurgedEvent');
      return;
    case 'restart':
      return;
    default:
      return step satisfies never;
  }
}

/** The catalogs are what the directory says: each home whole, its logins as wanted, and nothing that no row asks for. */
export async function expectCatalogs(server: HomeServer, rows: readonly DirectoryRow[]): Promise<void> {
  const roles = await server.query<{ name: string; login: boolean; connections: number }>(
    `select rolname as name, rolcanlogin as login, rolconnlimit as connections from pg_roles where rolname like 'uc\\_%' order by 1`,
  );
  const wanted = rows.flatMap((row) => {
    const home = wantedHome(row);
    if (home === null) return [];
    const { role, readonlyRole } = homeNames(row.tenant_id, row.tier);
    return [role, readonlyRole].map((name) => ({ name, login: home.login, connections: home.limits.connectionLimit }));
  });
  const comparable = (list: typeof roles) =>
    list.map(({ name, login, connections }) => `${name} ${login ? `login ${connections}` : 'closed'}`).toSorted();
  expect(comparable(roles)).toEqual(comparable(wanted));
  for (const row of rows) {
    const objects = wantedHome(row) === null ? [] : wholeHome(row.tenant_id, row.tier);
    expect(await objectsOf(server, row.tenant_id)).toEqual(objects);
  }
  const places = await server.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname like 'tenant\\_%' order by 1`,
    [],
    'ultracore_shared',
  );
  const schemas = rows.filter((row) => row.tier === 'standard' && wantedHome(row) !== null);
  expect(places).toEqual(schemas.map((row) => ({ name: homeNames(row.tenant_id, row.tier).schema })).toSorted(byName));
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
