import type { DirectoryRow } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asTenant } from './support/homes.ts';
import { createActiveTenant } from './support/active-tenant.ts';
import { credentialOf, factOf } from './support/facts.ts';
import { untilSettled } from './support/leases.ts';
import { createRig, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';
import { spawnWorker } from './support/spawn-child.ts';
import { toldFacts } from './support/told.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const enter = (rig: Rig, row: DirectoryRow, login: 'readwrite' | 'readonly') =>
  asTenant(row, rig.keyRing, 'select ultracore.current_tenant_id() as tenant', login);

describe.each(['enterprise', 'standard', 'small'] as const)('a rotation of a %s tenant', (tier) => {
  it('puts both new passwords into force, refuses both old ones, and leaves open sessions alone', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `turn-${tier}`, tier);
    const before = registry.row();
    const running = asTenant(before, rig.keyRing, `select 'still here' as said from pg_sleep(2)`);
    const requestId = await registry.request('rotate');
    const fact = await registry.settle('rotate');
    expect(fact).toMatchObject({ type: 'TenantPasswordRotatedEvent', causationId: requestId });
    for (const login of ['readwrite', 'readonly'] as const) {
      expect(await enter(rig, registry.row(), login)).toEqual([{ tenant: registry.tenantId }]);
      await expect(enter(rig, before, login)).rejects.toMatchObject({ code: '28P01' });
    }
    expect(await running).toEqual([{ said: 'still here' }]);
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect((await toldFacts(rig.pool, registry.tenantId)).slice(-2)).toMatchObject([
      { type: 'TenantCredentialsIssuedEvent', causationId: requestId },
      { type: 'TenantPasswordRotatedEvent', causationId: requestId },
    ]);
  });
});

it('no password is set before the directory shows the next credential, however often the worker looks', async () => {
  await using rig = await createRig(server.postgres);
  const worker = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'patient-firm', 'standard');
  await registry.request('rotate');
  const waits = () => rig.pool.query(`select from worker.work_item where kind = 'rotate' and waits_beyond is not null`);
  await waitFor(async () => (await waits()).rowCount, { what: 'the rotation to wait' });
  worker.wake();
  await registry.change({});
  expect(await enter(rig, registry.row(), 'readwrite')).toEqual([{ tenant: 'patient-firm' }]);
  await registry.settle('rotate');
  expect(await enter(rig, registry.row(), 'readwrite')).toEqual([{ tenant: 'patient-firm' }]);
});

it('a suspension is not kept waiting by a rotation, which goes on behind closed logins', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'halted-firm', 'small');
  await registry.request('rotate');
  await registry.change({ status: 'suspended' });
  await waitFor(
    () =>
      enter(rig, registry.row(), 'readwrite').then(
        () => false,
        (error: { code?: string }) => error.code === '28000',
      ),
    {
      what: 'the login to be closed',
    },
  );
  const fact = await registry.settle('rotate');
  expect(fact.type).toBe('TenantPasswordRotatedEvent');
  await expect(enter(rig, registry.row(), 'readwrite')).rejects.toMatchObject({ code: '28000' });
  await registry.change({ status: 'active' });
  await waitFor(() => enter(rig, registry.row(), 'readwrite').catch(() => undefined), { what: 'the login to be open again' });
});

it('fails, before anything is announced, where a login is not the home’s; the old password stays in force', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'foreign-firm', 'standard');
  await server.query(`comment on role uc_foreign_firm__ro is 'somebody else’s'`);
  await registry.request('rotate');
  const fact = await registry.settle('rotate');
  expect(fact).toMatchObject({
    type: 'TenantPasswordRotationFailedEvent',
    body: { step: 'check', code: 'foreign_object' },
  });
  expect(await enter(rig, registry.row(), 'readwrite')).toEqual([{ tenant: 'foreign-firm' }]);
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed']);
});

it('a rotation that a termination cancels is closed and told no further', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'ended-firm', 'standard');
  const id = await registry.request('rotate');
  const { requests } = registry.row();
  await registry.change({ status: 'terminated', requests: { ...requests, rotate: { id, outcome: 'cancelled' } } });
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'cancelled']);
  expect((await toldFacts(rig.pool, 'ended-firm')).map(({ type }) => type)).not.toContain('TenantPasswordRotatedEvent');
});

it('logins that a rotation opened, and a termination cancels, are closed again', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'ajar-firm', 'standard');
  await registry.change({ status: 'suspended' });
  await untilSettled(rig.pool);
  const requestId = await registry.request('rotate');
  const issued = await factOf(rig.pool, { tenantId: 'ajar-firm', requestId, types: ['TenantCredentialsIssuedEvent'] });
  await first.stop();
  await using child = await spawnWorker(rig, [server], { at: 'passwords:set' });
  await registry.change({ status: 'active', next_credential: credentialOf(issued) });
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  const requests = { ...registry.row().requests, rotate: { id: requestId, outcome: 'cancelled' } } as const;
  await registry.change({ status: 'terminated', next_credential: null, requests });
  await rig.worker([server]);
  await registry.untilClosed();
  await untilSettled(rig.pool);
  expect(await server.query(`select from pg_roles where rolname like 'uc_ajar_firm%' and rolcanlogin`)).toEqual([]);
});
