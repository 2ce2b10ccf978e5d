import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asTenant, objectsOf, wholeHome } from './support/homes.ts';
import { playRegistry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer } from './support/rig.ts';
import { toldFacts } from './support/told.ts';
import { untilNoLease } from './support/leases.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const FACTS = {
  enterprise: ['TenantDatabaseCreatedEvent'],
  standard: ['TenantSchemaCreatedEvent'],
  small: [],
} as const;

describe.each(['enterprise', 'standard', 'small'] as const)('a creation of the %s tier', (tier) => {
  it('tells its facts in order, once each, and leaves a home that its logins can use', async () => {
    await using rig = await createRig(server.postgres);
    const registry = playRegistry(rig.pool, server, `acme-${tier}`, tier);
    const worker = await rig.worker([server]);
    await registry.create();
    worker.wake();
    expect(await registry.answer()).toBe('active');
    expect(await registry.untilClosed()).toEqual([{ outcome: 'done', revision: '1' }]);

    const facts = await toldFacts(rig.pool, registry.tenantId);
    expect(facts.map(({ type }) => type)).toEqual([
      'TenantProvisioningStartedEvent',
      'TenantCredentialsIssuedEvent',
      ...FACTS[tier],
      'TenantMigrationsCompletedEvent',
    ]);
    expect(new Set(facts.map(({ causationId }) => causationId))).toEqual(new Set([registry.requestId()]));
    expect(facts.at(-1)?.body).toMatchObject({ migration_version: '0007', migrations_applied: 7 });

    expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
    const row = registry.row();
    const who = await asTenant(
      row,
      rig.keyRing,
      'select ultracore.current_tenant_id() as tenant, count(*)::int as clients from clients',
    );
    expect(who).toEqual([{ tenant: registry.tenantId, clients: 0 }]);
    await expect(asTenant(row, rig.keyRing, 'delete from clients', 'readonly')).rejects.toMatchObject({ code: '42501' });
  });
});

it('keeps no secret in its log, its facts or its bookkeeping', async () => {
  await using rig = await createRig(server.postgres);
  const registry = playRegistry(rig.pool, server, 'quiet-firm', 'standard');
  const worker = await rig.worker([server]);
  await registry.create();
  worker.wake();
  await registry.answer();
  await registry.untilClosed();
  const { credential } = registry.row();
  const password = rig.keyRing.open({
    tenantId: 'quiet-firm',
    role: credential?.db_username ?? '',
    sealed: credential?.db_password_encrypted ?? '',
  });
  const tables = ['directory_row', 'work_item', 'step', 'sealed_credential', 'intended_home', 'tenant_lease'];
  const kept = await Promise.all(
    tables.map(async (table) => JSON.stringify((await rig.pool.query(`select * from worker.${table}`)).rows)),
  );
  for (const text of [...rig.log, ...kept, JSON.stringify(await toldFacts(rig.pool, 'quiet-firm'))]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain('SCRAM-SHA-256$');
  }
});

it('makes one home of a request, however many workers there are', async () => {
  await using rig = await createRig(server.postgres);
  const registries = Array.from({ length: 12 }, (_, index) =>
    playRegistry(rig.pool, server, `crowd-${index}a`, index % 3 === 0 ? 'small' : 'standard'),
  );
  const workers = await Promise.all([rig.worker([server]), rig.worker([server]), rig.worker([server])]);
  await Promise.all(registries.map((registry) => registry.create()));
  for (const worker of workers) worker.wake();
  await Promise.all(registries.map((registry) => registry.answer()));
  await Promise.all(registries.map((registry) => registry.untilClosed()));
  const { rows } = await rig.pool.query<{ told: number; facts: number }>(
    'select count(*)::int as told, count(distinct id)::int as facts from told',
  );
  expect(rows[0]?.told).toBe(rows[0]?.facts);
  await untilNoLease(rig.pool);
});
