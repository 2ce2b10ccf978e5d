import { randomUUID } from 'node:crypto';
import { loadMigrations } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordRequest } from '../src/store/items.ts';
import { brokenMigrations } from './support/broken-migrations.ts';
import { asTenant, objectsOf, wholeHome } from './support/homes.ts';
import { playRegistry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';
import { toldFacts } from './support/told.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const TIERS = ['enterprise', 'standard', 'small'] as const;

describe.each(TIERS)('a request of the %s tier', (tier) => {
  it('that is cancelled half-way is undone and closed without a fact', async () => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `cancel-${tier}`, tier);
    const reached = Promise.withResolvers<void>();
    await rig.worker([server], {
      onBoundary: (name) => void (name === 'open:before' && (void registry.cancel().then(reached.resolve), true)),
    });
    await registry.create();
    await reached.promise;
    expect(await registry.untilClosed()).toEqual([{ outcome: 'cancelled', revision: '1' }]);
    expect(await objectsOf(server, registry.tenantId)).toEqual([]);
    expect((await toldFacts(rig.pool, registry.tenantId)).map(({ type }) => type)).not.toContain('TenantProvisioningFailedEvent');
  });

  it('that is cancelled after it was told in full is undone all the same', async () => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `late-${tier}`, tier);
    await rig.worker([server]);
    await registry.create();
    await waitFor(async () => (await rig.pool.query(`select from worker.work_item where state = 'sent'`)).rowCount, {
      what: 'the item to be sent',
    });
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
    await registry.cancel();
    expect(await registry.untilClosed()).toEqual([{ outcome: 'cancelled', revision: '1' }]);
    expect(await objectsOf(server, registry.tenantId)).toEqual([]);
  });

  it('that is replaced by a retry is undone first; the retry makes a home of its own', async () => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `again-${tier}`, tier);
    const retried = Promise.withResolvers<void>();
    let pending = true;
    await rig.worker([server], {
      onBoundary(name) {
        if (name !== 'migrate:before' || !pending) return;
        pending = false;
        void registry.retry().then(retried.resolve);
      },
    });
    await registry.create();
    const first = registry.requestId();
    await retried.promise;
    expect(await registry.answer()).toBe('active');
    expect(await registry.untilClosed()).toEqual([
      { outcome: 'superseded', revision: '1' },
      { outcome: 'done', revision: '2' },
    ]);
    expect(registry.requestId()).not.toBe(first);
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
    const who = await asTenant(registry.row(), rig.keyRing, 'select ultracore.current_tenant_id() as tenant');
    expect(who).toEqual([{ tenant: registry.tenantId }]);
  });
});

it('whose migrations fail is told, undone and told as failed; the retry with mended migrations succeeds', async () => {
  using broken = brokenMigrations();
  await using rig = await createRig(server.postgres);
  const registry = playRegistry(rig.pool, server, 'mended-firm', 'standard');
  const first = await rig.worker([server], { migrations: await loadMigrations(broken.directory) });
  await registry.create();
  expect(await registry.answer()).toBe('failed');
  expect(await objectsOf(server, 'mended-firm')).toEqual([]);
  await first.stop();
  await rig.worker([server]);
  await registry.retry();
  expect(await registry.answer()).toBe('active');
  expect(await registry.untilClosed()).toEqual([
    { outcome: 'failed', revision: '1' },
    { outcome: 'done', revision: '3' },
  ]);
});

it('a name that somebody else has is a failure at once, and what has it stays as it was', async () => {
  await using rig = await createRig(server.postgres);
  await server.query('create role uc_taken_firm login');
  const registry = playRegistry(rig.pool, server, 'taken-firm', 'standard');
  await rig.worker([server]);
  await registry.create();
  expect(await registry.answer()).toBe('failed');
  const failed = (await toldFacts(rig.pool, 'taken-firm')).at(-1);
  expect(failed?.body).toMatchObject({ step: 'home', code: 'foreign_object', cleaned_up: true });
  expect(await objectsOf(server, 'taken-firm')).toEqual(['role uc_taken_firm']);
  await server.query('drop role uc_taken_firm');
});

describe('a forged creation event', () => {
  const forge = (pool: Parameters<typeof recordRequest>[0], tenantId: string, revision: number) =>
    recordRequest(pool, {
      requestId: randomUUID(),
      tenantId,
      kind: 'provision',
      revision,
      correlationId: undefined,
      traceparent: undefined,
    });

  it('makes nothing for a tenant that the directory does not know', async () => {
    await using rig = await createRig(server.postgres);
    const worker = await rig.worker([server]);
    await forge(rig.pool, 'forged-firm', 0);
    const real = playRegistry(rig.pool, server, 'honest-firm', 'small');
    await real.create();
    worker.wake();
    await real.answer();
    expect(await objectsOf(server, 'forged-firm')).toEqual([]);
    expect(await toldFacts(rig.pool, 'forged-firm')).toEqual([]);
  });

  it.each([0, 1, 5])('about a tenant that exists (revision %i) neither makes nor harms its home', async (revision) => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `honest-${revision}a`, 'standard');
    await rig.worker([server]);
    await registry.create();
    await forge(rig.pool, registry.tenantId, revision);
    await registry.answer();
    for (let more = 0; more < 5; more += 1) await registry.change({});
    const closed = await registry.untilClosed();
    expect(closed.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'superseded']);
    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, 'standard'));
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});
