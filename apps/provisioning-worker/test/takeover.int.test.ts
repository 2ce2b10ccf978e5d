import { waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sessionName } from '../src/outbound/sessions.ts';
import { asTenant, objectsOf, wholeHome } from './support/homes.ts';
import { playRegistry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';
import { spawnWorker } from './support/spawn-child.ts';
import { toldFacts } from './support/told.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const sessionsNamed = async (token: string): Promise<number> =>
  (await server.query(`select from pg_stat_activity where application_name = $1`, [sessionName(token)])).length;

it.each(['home:roles', 'migrate:before', 'open:after'])(
  'a worker that is stopped at %s and goes on later changes nothing: its lease is taken over and its sessions are ended first',
  async (boundary) => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `stop-${boundary.replace(':', '-')}`, 'standard');
    await using stopped = await spawnWorker(rig, [server], { at: boundary, signal: 'SIGSTOP', leaseTtlMs: 1500 });
    await registry.create();
    const held = await waitFor(
      async () => (await rig.pool.query<{ token: string }>('select token from worker.tenant_lease')).rows[0],
      { what: 'the lease of the worker that stops', deadlineMs: 30_000 },
    );
    await waitFor(async () => (await sessionsNamed(held.token)) > 0, { what: 'a session of the worker that stops' });

    const successor = await rig.worker([server]);
    expect(await registry.answer()).toBe('active');
    expect(await sessionsNamed(held.token)).toBe(0);
    await registry.untilClosed();
    const told = await toldFacts(rig.pool, registry.tenantId);
    await successor.stop();

    stopped.kill('SIGCONT');
    const later = playRegistry(rig.pool, server, `later-${boundary.replace(':', '-')}`, 'small');
    await later.create();
    expect(await later.answer()).toBe('active');
    expect(await toldFacts(rig.pool, registry.tenantId)).toEqual(told);
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, 'standard'));
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
  },
);

it('an earlier holder that is still at work in Postgres is ended before the next one begins', async () => {
  await using rig = await createRig(server.postgres);
  const registry = playRegistry(rig.pool, server, 'slow-holder', 'small');
  await registry.create();
  // A holder that took the lease, whose process is gone, and whose statement the server is still at.
  const { rows } = await rig.pool.query<{ token: string }>(
    `insert into worker.tenant_lease (tenant_id, holder, token, expires_at)
     values ('slow-holder', 0, nextval('worker.lease_token'), 'infinity') returning token`,
  );
  const name = sessionName(rows[0]?.token ?? '');
  const asAdmin = new Client({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: 'postgres',
    application_name: name,
  });
  asAdmin.on('error', () => undefined);
  await asAdmin.connect();
  const ended = asAdmin.query('select pg_sleep(60)').then(
    () => 'finished',
    () => 'ended',
  );
  await rig.worker([server]);
  expect(await ended).toBe('ended');
  expect(await registry.answer()).toBe('active');
});

it('a worker that stops in order gives its leases back', async () => {
  await using rig = await createRig(server.postgres);
  const registries = Array.from({ length: 6 }, (_, index) => playRegistry(rig.pool, server, `orderly-${index}a`, 'standard'));
  const first = await rig.worker([server], { concurrency: 2 });
  await Promise.all(registries.map((registry) => registry.create()));
  first.wake();
  await waitFor(async () => (await rig.pool.query('select from told')).rowCount, { what: 'the first fact' });
  await first.stop();
  expect((await rig.pool.query('select * from worker.tenant_lease')).rows).toEqual([]);
  await rig.worker([server]);
  await Promise.all(registries.map((registry) => registry.answer()));
});
