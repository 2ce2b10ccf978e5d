import type { PrivatePostgres } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORWARD_BOUNDARIES } from '../src/provisioning/boundaries.ts';
import { createActiveTenant } from './support/active-tenant.ts';
import type { Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';
import { spawnWorker } from './support/spawn-child.ts';

let server: HomeServer;
let other: HomeServer;
let standby: PrivatePostgres;
let standbyOfAnother: PrivatePostgres;
beforeAll(async () => {
  [server, other] = await Promise.all([startHomeServer('one'), startHomeServer('two')]);
  standby = await server.postgres.standby();
  standbyOfAnother = await other.postgres.standby();
});
afterAll(async () => {
  await Promise.all([standby.stop(), standbyOfAnother.stop()]);
  await Promise.all([server.postgres.stop(), other.postgres.stop()]);
});

async function verify(registry: Registry, { host, port }: { host: string; port: number }) {
  await registry.request('verify_replica', {}, { readonly_db_host: host, readonly_db_port: port });
  const fact = await registry.settle('verify_replica');
  expect(fact.body).toMatchObject({ readonly_db_host: host, readonly_db_port: port });
  return fact;
}

describe.each(['enterprise', 'standard', 'small'] as const)('a read replica of a %s tenant', (tier) => {
  it('is verified where it is a standby of the home’s own server and knows the tenant’s read-only login', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `copied-${tier}`, tier);
    expect(await verify(registry, standby)).toMatchObject({ type: 'TenantReadReplicaVerifiedEvent' });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  });
});

it('is rejected with a code that says why, and the server of the home is blamed for nothing', async () => {
  await using rig = await createRig(server.postgres);
  await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'picky-firm', 'standard');
  const rejected = (code: string) => ({ type: 'TenantReadReplicaRejectedEvent', body: { code } });
  expect(await verify(registry, server)).toMatchObject(rejected('not_in_recovery'));
  expect(await verify(registry, standbyOfAnother)).toMatchObject(rejected('other_system'));
  expect(await verify(registry, { host: '127.0.0.1', port: 1 })).toMatchObject(rejected('unreachable'));
  await server.query(`alter role uc_picky_firm__ro password 'another'`);
  expect(await verify(registry, standby)).toMatchObject(rejected('login_refused'));
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed', 'failed', 'failed', 'failed']);
  expect(rig.log.filter((line) => line.includes('the Postgres server cannot be used now'))).toEqual([]);
});

it.each(FORWARD_BOUNDARIES.verify_replica.standard)(
  'a worker killed at %s: the next one verifies the replica',
  async (boundary) => {
    await using rig = await createRig(server.postgres);
    const first = await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `v-${boundary.replaceAll(':', '-')}`, 'standard');
    await first.stop();
    await using child = await spawnWorker(rig, [server], { at: boundary });
    const verified = verify(registry, standby);
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
    await rig.worker([server]);
    expect(await verified).toMatchObject({ type: 'TenantReadReplicaVerifiedEvent' });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  },
);
