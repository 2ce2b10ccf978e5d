import { loadMigrations } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createActiveTenant } from './support/active-tenant.ts';
import { repairDespiteKillAt } from './support/crash-repair.ts';
import { asTenant } from './support/homes.ts';
import { untilSettled } from './support/leases.ts';
import { moreMigrations } from './support/more-migrations.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const canLogin = async (role: string): Promise<boolean> =>
  (await server.query('select from pg_roles where rolname = $1 and rolcanlogin', [role])).length > 0;

it.each(['opening:after', 'closing:after'] as const)(
  'a worker killed at %s of logins: the next one leaves them as they are wanted, though the wish went back meanwhile',
  async (boundary) => {
    expect.hasAssertions();
    await repairDespiteKillAt(server, boundary);
  },
);

it('a suspended tenant’s sessions are ended though its logins are closed already, as a worker that died between both leaves them', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'half-firm', 'standard');
  const sleeping = asTenant(registry.row(), rig.keyRing, 'select pg_sleep(15)').catch(() => 'ended');
  await waitFor(async () => (await server.query(`select from pg_stat_activity where usename = 'uc_half_firm'`)).length, {
    what: 'the session',
  });
  await server.query('alter role uc_half_firm nologin; alter role uc_half_firm__ro nologin');
  await registry.change({ status: 'suspended' });
  expect(await sleeping).toBe('ended');
});

it('a suspension is not kept waiting by a migration, which goes on behind closed logins', async () => {
  await using rig = await createRig(server.postgres);
  using more = moreMigrations({ '9001_slow.sql': 'select pg_advisory_xact_lock(9001);' });
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'slow-firm', 'standard');
  await first.stop();
  const blocker = new Client({ connectionString: server.postgres.url('ultracore_shared') });
  await blocker.connect();
  try {
    await blocker.query('select pg_advisory_lock(9001)');
    const migrations = await loadMigrations(more.directory);
    await rig.worker([server], { migrations, migrationLimits: { lockTimeoutMs: 20_000, statementTimeoutMs: 20_000 } });
    const sleeping = asTenant(registry.row(), rig.keyRing, 'select pg_sleep(15)').catch(() => 'ended');
    await registry.request('migrate', { target_migration_version: '9001' });
    const waiting = `select from pg_locks where locktype = 'advisory' and objid = 9001 and not granted`;
    await waitFor(async () => (await server.query(waiting)).length, { what: 'the migration to be under way' });
    await registry.change({ status: 'suspended' });
    await untilSettled(rig.pool);
    expect(await sleeping).toBe('ended');
    await expect(asTenant(registry.row(), rig.keyRing, 'select 1')).rejects.toMatchObject({ code: '28000' });
    expect(await server.query(waiting)).toHaveLength(1);
  } finally {
    await blocker.end();
  }
  expect(await registry.settle('migrate')).toMatchObject({ type: 'TenantMigrationsCompletedEvent' });
  await registry.change({ status: 'active' });
  await untilSettled(rig.pool);
  expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
});

it.each([
  { what: 'schema is gone', tenantId: 'void-firm', spoil: 'drop schema tenant_void_firm cascade', open: 'uc_void_firm' },
  {
    what: 'read-only login is somebody else’s',
    tenantId: 'odd-firm',
    spoil: `comment on role uc_odd_firm__ro is 'mine'`,
    open: 'uc_odd_firm',
  },
])('what there is of a suspended tenant’s logins is closed though its $what', async ({ tenantId, spoil, open }) => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, tenantId, 'standard');
  await server.query(spoil, [], 'ultracore_shared');
  await registry.change({ status: 'suspended' });
  await waitFor(async () => !(await canLogin(open)), { what: 'the login to be closed' });
  await untilSettled(rig.pool);
  expect(rig.log.some((line) => line.includes('a part of a home is missing or not ours'))).toBe(true);
});
