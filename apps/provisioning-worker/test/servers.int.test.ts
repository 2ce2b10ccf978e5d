import { createServer, type Socket } from 'node:net';
import { bootstrapServer, loadMigrations } from '@ultracore/tenant-database';
import { startPrivatePostgres, waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createActiveTenant } from './support/active-tenant.ts';
import { asTenant, objectsOf } from './support/homes.ts';
import { moreMigrations } from './support/more-migrations.ts';
import { playRegistry } from './support/registry.ts';
import { ADMIN_PASSWORD, createRig, startHomeServer, type HomeServer } from './support/rig.ts';

let one: HomeServer;
let two: HomeServer;
beforeAll(async () => {
  [one, two] = await Promise.all([startHomeServer('one'), startHomeServer('two')]);
});
afterAll(async () => {
  await Promise.all([one.postgres.stop(), two.postgres.stop()]);
});

it('a dead server delays only its own tenants, which are made once it is back', async () => {
  await using rig = await createRig(one.postgres);
  await two.postgres.pause();
  const worker = await rig.worker([two, one], { concurrency: 2 });
  const waiting = Array.from({ length: 6 }, (_, index) => playRegistry(rig.pool, two, `waits-${index}a`, 'small'));
  const going = Array.from({ length: 4 }, (_, index) => playRegistry(rig.pool, one, `goes-${index}a`, 'small'));
  await Promise.all([...waiting, ...going].map((registry) => registry.create()));
  worker.wake();
  await Promise.all(going.map((registry) => registry.answer(5000)));
  expect(worker.servers.map((server) => server.problem() === undefined)).toEqual([false, true]);

  await two.postgres.resume();
  await Promise.all(waiting.map((registry) => registry.answer()));
  await Promise.all(waiting.map((registry) => registry.untilClosed()));
});

it('a server that takes connections and never answers delays only its own tenants', async () => {
  await using rig = await createRig(one.postgres);
  const taken = new Set<Socket>();
  const silent = createServer((socket) => void taken.add(socket));
  await new Promise<void>((listening) => {
    silent.listen(0, '127.0.0.1', listening);
  });
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const mute = { name: 'mute', host: '127.0.0.1', port, user: 'ultracore_admin', password: ADMIN_PASSWORD };
  const worker = await rig.worker([mute, one], { concurrency: 1 });
  const waiting = playRegistry(rig.pool, mute, 'mute-firm', 'small');
  const going = playRegistry(rig.pool, one, 'heard-firm', 'small');
  await waiting.create();
  await going.create();
  worker.wake();
  expect(await going.answer(5000)).toBe('active');
  await waitFor(() => worker.servers[0]?.problem()?.includes('server_unreachable'), { what: 'the silence to be noticed' });
  await worker.stop();
  silent.close();
  for (const socket of taken) socket.destroy();
});

it('a server that dies in the middle of its work delays it and fails none of it', async () => {
  await using rig = await createRig(one.postgres);
  const registries = Array.from({ length: 6 }, (_, index) =>
    playRegistry(rig.pool, two, `broken-${index}a`, index % 2 === 0 ? 'enterprise' : 'standard'),
  );
  await rig.worker([two]);
  await Promise.all(registries.map((registry) => registry.create()));
  await waitFor(async () => (await rig.pool.query(`select from worker.step where step = 'home'`)).rowCount, {
    what: 'the first home',
  });
  await two.postgres.pause();
  await waitFor(() => rig.log.some((line) => line.includes('cannot be used now')), { what: 'the worker to notice' });
  await two.postgres.resume();
  expect(await Promise.all(registries.map((registry) => registry.answer(30_000)))).toEqual(registries.map(() => 'active'));
  for (const registry of registries) {
    expect(await asTenant(registry.row(), rig.keyRing, 'select count(*)::int as clients from clients')).toEqual([{ clients: 0 }]);
  }
});

it('a server that is long at work on what it was sent is waited for, and goes on being used', async () => {
  await using rig = await createRig(one.postgres);
  const first = await rig.worker([one]);
  const registry = await createActiveTenant(rig, one, 'slow-firm', 'standard');
  await first.stop();
  // Each statement within its limit, the file as a whole not.
  using folder = moreMigrations({ '9001_slow.sql': 'select pg_sleep(0.4); select pg_sleep(0.4); select pg_sleep(0.4);' });
  await rig.worker([one], {
    migrations: await loadMigrations(folder.directory),
    migrationLimits: { lockTimeoutMs: 600, statementTimeoutMs: 600 },
    patience: { statementMs: 10_000, askAfterMs: 100 },
  });
  await registry.request('migrate', { target_migration_version: '9001' });
  expect(await registry.settle('migrate')).toMatchObject({ type: 'TenantMigrationsCompletedEvent' });
  expect(rig.log.filter((line) => line.includes('cannot be used now'))).toEqual([]);
});

it('a server that is not bootstrapped is refused with the list of what is missing, and used once it is', async () => {
  await using bare = await startPrivatePostgres(['fsync=off']);
  await using rig = await createRig(one.postgres);
  const admin = { name: 'bare', host: bare.host, port: bare.port, user: 'postgres', password: 'superuser' };
  const registry = playRegistry(rig.pool, bare, 'early-firm', 'small');
  await registry.create();
  const worker = await rig.worker([admin]);
  await waitFor(() => worker.servers[0]?.problem()?.includes('not_bootstrapped'), { what: 'the refusal' });
  expect(worker.servers[0]?.problem()).toContain('Role ultracore_owner does not exist');
  expect(rig.log.join('')).toContain('is refused');
  expect((await rig.pool.query('select from told')).rowCount).toBe(0);
  await bootstrapServer(bare.url(), { adminPassword: ADMIN_PASSWORD });
  expect(await registry.answer()).toBe('active');
});

it('a server whose hardening was taken back is refused by name of what is open', async () => {
  await using rig = await createRig(one.postgres);
  await one.query('grant connect on database postgres to public');
  const worker = await rig.worker([one]);
  const registry = playRegistry(rig.pool, one, 'patient-firm', 'small');
  await registry.create();
  await waitFor(() => worker.servers[0]?.problem()?.includes('not_hardened:public_on_database'), { what: 'the refusal' });
  expect(await objectsOf(one, 'patient-firm')).toEqual([]);
  await one.query('revoke connect on database postgres from public');
  expect(await registry.answer()).toBe('active');
});

it('a wrong admin password is the server’s trouble, not the tenants’', async () => {
  await using rig = await createRig(one.postgres);
  const worker = await rig.worker([{ ...one, password: `not ${ADMIN_PASSWORD}` }]);
  const registry = playRegistry(rig.pool, one, 'locked-out', 'small');
  await registry.create();
  await waitFor(() => worker.servers[0]?.problem()?.includes('pg_28p01'), { what: 'the refusal' });
  expect((await rig.pool.query('select from told')).rowCount).toBe(0);
  expect(rig.log.join('')).not.toContain(ADMIN_PASSWORD);
});
