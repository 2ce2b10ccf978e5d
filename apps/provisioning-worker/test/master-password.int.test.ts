import { createKeyRing, type KeyRing } from '@ultracore/credentials';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeyRing } from '../src/outbound/key-ring.ts';
import { createActiveTenant } from './support/active-tenant.ts';
import { credentialOf, factOf } from './support/facts.ts';
import { asTenant } from './support/homes.ts';
import type { Registry } from './support/registry.ts';
import { createRig, MASTER, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';
import { spawnWorker } from './support/spawn-child.ts';
import { toldFacts } from './support/told.ts';

const NEW_MASTER = { masterPassword: 'another master', keyId: 'k2', rounds: MASTER.rounds };
const CHANGED = { ...NEW_MASTER, retired: [MASTER] };
const RESEALED = 'TenantCredentialsResealedEvent';

let server: HomeServer;
let changed: KeyRing;
beforeAll(async () => {
  [server, changed] = await Promise.all([startHomeServer('one'), createKeyRing(CHANGED)]);
});
afterAll(() => server.postgres.stop());

/** An active tenant, made by a worker that has stopped since. */
async function tenantOf(rig: Rig, tenantId: string): Promise<Registry> {
  const worker = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, tenantId, 'small');
  await worker.stop();
  return registry;
}
const resealedOf = (rig: Rig, registry: Registry) =>
  factOf(rig.pool, { tenantId: registry.tenantId, requestId: registry.row().credential?.request_id ?? '', types: [RESEALED] });
const resealedFacts = async (rig: Rig, { tenantId }: Registry) =>
  (await toldFacts(rig.pool, tenantId)).filter(({ type }) => type === RESEALED);
const enter = (registry: Registry, ring: KeyRing) =>
  asTenant(registry.row(), ring, 'select ultracore.current_tenant_id() as tenant');
const keptKeys = async (rig: Rig) =>
  (await rig.pool.query<{ key_id: string }>('select key_id from worker.sealed_credential')).rows.map(({ key_id }) => key_id);

describe('after a change of the master password', () => {
  it('the same passwords are sealed with the new key, told once, and no role is touched; a suspended tenant’s too', async () => {
    await using rig = await createRig(server.postgres);
    const registry = await tenantOf(rig, 'kept-firm');
    await registry.change({ status: 'suspended' });
    const before = registry.row();
    const verifiers = () =>
      server.query(`select rolname, rolpassword from pg_authid where rolname like 'uc_kept_firm%' order by 1`);
    const roles = await verifiers();
    // The server is not needed, and may be down.
    await rig.worker([{ ...server, port: 1 }], { keyRing: changed });
    const fact = await resealedOf(rig, registry);
    expect(fact.body).toMatchObject({ key_id: 'k2', previous_key_id: 'k1', db_username: 'uc_kept_firm' });
    await registry.change({ status: 'active', credential: credentialOf(fact) });
    const { credential } = registry.row();
    const opened = (of: typeof credential, ring: KeyRing) =>
      ring.open({ tenantId: 'kept-firm', role: 'uc_kept_firm', sealed: of?.db_password_encrypted ?? '' });
    expect(opened(credential, await createKeyRing(NEW_MASTER))).toBe(opened(before.credential, rig.keyRing));
    expect(await verifiers()).toEqual(roles);
    await waitFor(() => rig.log.some((line) => line.includes('it may be taken away')), { what: 'the old key to be out of use' });
    expect(await keptKeys(rig)).toEqual(['k2']);
    expect(await resealedFacts(rig, registry)).toHaveLength(1);
  });

  it('one that a rotation superseded meanwhile is forgotten, and what the rotation had sealed with the old key is sealed again', async () => {
    await using rig = await createRig(server.postgres);
    const registry = await tenantOf(rig, 'turned-firm');
    const old = await rig.worker([server]);
    const request = await registry.request('rotate');
    const issued = await factOf(rig.pool, {
      tenantId: registry.tenantId,
      requestId: request,
      types: ['TenantCredentialsIssuedEvent'],
    });
    await old.stop();
    expect(issued.body['key_id']).toBe('k1');
    await rig.worker([server], { keyRing: changed });
    await registry.settle('rotate');
    // Told of the credential before as well, perhaps: a fact that comes too late and changes nothing.
    await registry.change({ credential: credentialOf(await resealedOf(rig, registry)) });
    expect(registry.row().credential).toMatchObject({ request_id: request, key_id: 'k2' });
    expect(await enter(registry, changed)).toEqual([{ tenant: 'turned-firm' }]);
    await waitFor(async () => (await keptKeys(rig)).join() === 'k2', { what: 'what nothing uses to be forgotten' });
  });

  it('changing back seals everything with the first key again', async () => {
    await using rig = await createRig(server.postgres);
    const registry = await tenantOf(rig, 'back-firm');
    const worker = await rig.worker([server], { keyRing: changed });
    await registry.change({ credential: credentialOf(await resealedOf(rig, registry)) });
    await worker.stop();
    await rig.worker([server], { keyRing: await createKeyRing({ ...MASTER, retired: [NEW_MASTER] }) });
    const back = await waitFor(async () => (await resealedFacts(rig, registry))[1], { what: 'the second change' });
    expect(back.body).toMatchObject({ key_id: 'k1', previous_key_id: 'k2' });
    await registry.change({ credential: credentialOf(back) });
    expect(await enter(registry, rig.keyRing)).toEqual([{ tenant: 'back-firm' }]);
  });

  it.each(['resealed:fixed', 'resealed:fact'])(
    'a worker that dies at %s is followed by one that tells the same fact',
    async (at) => {
      await using rig = await createRig(server.postgres);
      const registry = await tenantOf(rig, `dead-${at.replace(':', '-')}`);
      await using child = await spawnWorker(rig, [server], { at, master: CHANGED });
      expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
      const [kept] = (
        await rig.pool.query<{ sealed: string }>('select db_password_encrypted as sealed from worker.sealed_credential')
      ).rows;
      await rig.pool.query('update worker.directory_row set reseal_at = now()');
      await rig.worker([server], { keyRing: changed });
      const fact = await resealedOf(rig, registry);
      expect(fact.body['db_password_encrypted']).toBe(kept?.sealed);
      await registry.change({ credential: credentialOf(fact) });
      await waitFor(() => rig.log.some((line) => line.includes('it may be taken away')), {
        what: 'the old key to be out of use',
      });
      expect(await resealedFacts(rig, registry)).toHaveLength(1);
      expect(await enter(registry, changed)).toEqual([{ tenant: registry.tenantId }]);
    },
  );
});

describe('a worker', () => {
  it('does not start without a key that a stored credential is sealed with: one sentence says how many and which', async () => {
    await using rig = await createRig(server.postgres);
    expect((await openKeyRing(rig.pool, NEW_MASTER)).keyId).toBe('k2');
    await tenantOf(rig, 'locked-firm');
    const refusal = (master: Parameters<typeof openKeyRing>[1]) => openKeyRing(rig.pool, master).catch((error: unknown) => error);
    expect(await refusal(NEW_MASTER)).toMatchObject({
      code: 'unknown_key',
      message: expect.stringMatching(/^1 stored credential is sealed with key "k1", which .* not given: .*[.]$/) as string,
    });
    for (const wrong of [{ masterPassword: 'another' }, { salt: 'another' }, { rounds: 100_001 }])
      expect(await refusal({ ...MASTER, ...wrong })).toMatchObject({
        code: 'wrong_master_password',
        message: expect.stringMatching(/^ULTRACORE_MASTER_PASSWORD .* is not the one of key "k1", with which 1 stored/) as string,
      });
    expect(await refusal({ ...NEW_MASTER, retired: [{ ...MASTER, masterPassword: 'another' }] })).toMatchObject({
      message: expect.stringMatching(/^ULTRACORE_MASTER_PASSWORD_PREVIOUS .* is not the one of key "k1"/) as string,
    });
    for (const right of [MASTER, CHANGED, { ...MASTER, upcoming: [NEW_MASTER] }])
      expect((await openKeyRing(rig.pool, right)).keyId).toBe(right.keyId);
  });

  it('that only knows the key to come seals nothing again', async () => {
    await using rig = await createRig(server.postgres);
    const registry = await tenantOf(rig, 'early-firm');
    const knowing = await createKeyRing({ ...MASTER, upcoming: [NEW_MASTER] });
    expect(knowing.retiredKeyIds).toEqual([]);
    const worker = await rig.worker([server], { keyRing: knowing });
    await registry.request('rotate');
    await registry.settle('rotate');
    expect(registry.row().credential?.key_id).toBe('k1');
    await worker.stop();
    expect(await resealedFacts(rig, registry)).toEqual([]);
  });
});
