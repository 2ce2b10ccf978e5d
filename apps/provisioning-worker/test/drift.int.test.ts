import { TIERS } from '@ultracore/contracts';
import { homeNames, loadMigrations } from '@ultracore/tenant-database';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createActiveTenant } from './support/active-tenant.ts';
import { moreMigrations } from './support/more-migrations.ts';
import type { Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';
import { toldFacts } from './support/told.ts';

let server: HomeServer;
beforeAll(async () => {
  server = await startHomeServer('one');
});
afterAll(() => server.postgres.stop());

const OFTEN = { drift: { everyMs: 100, checks: 50 } };
const HOURLY = { reconcileEveryMs: 100, drift: { everyMs: 3_600_000, checks: 50 } };
const DETECTED = 'TenantSchemaDriftDetectedEvent';
const RESOLVED = 'TenantSchemaDriftResolvedEvent';

/** What was told of a tenant's schema, each fact once. */
const drifts = async (rig: Rig, { tenantId }: Registry) =>
  (await toldFacts(rig.pool, tenantId)).filter(({ type }) => type === DETECTED || type === RESOLVED);

const told = (rig: Rig, registry: Registry, type: string, but: readonly string[] = []) =>
  waitFor(async () => (await drifts(rig, registry)).find((fact) => fact.type === type && !but.includes(fact.id)), {
    what: `${type} of ${registry.tenantId}`,
    deadlineMs: 30_000,
  });

/** Waits until a tenant's home was compared after now, as often as asked. */
async function compared(rig: Rig, { tenantId }: Registry, times = 1): Promise<void> {
  const dueAt = async () =>
    String(
      (
        await rig.pool.query('select drift_due_at from worker.directory_row where tenant_id = $1', [tenantId])
      ).rows[0]?.drift_due_at.toISOString(),
    );
  for (let n = 0; n < times; n += 1) {
    const before = await dueAt();
    await waitFor(async () => (await dueAt()) !== before, { what: `${tenantId} to be compared`, deadlineMs: 30_000 });
  }
}

const change = (registry: Registry, sql: string) => {
  const { database, schema } = homeNames(registry.tenantId, registry.row().tier);
  return server.query(`set search_path = ${schema}; set role ultracore_owner; ${sql}`, [], database);
};

async function withMore(more: Readonly<Record<string, string>>) {
  using folder = moreMigrations(more);
  return await loadMigrations(folder.directory);
}

it.each(TIERS)(
  'a %s home that nobody changed is not spoken of; a change is told once, and that it was put right',
  async (tier) => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server], OFTEN);
    const registry = await createActiveTenant(rig, server, `drifts-${tier}`, tier);
    await compared(rig, registry, 2);
    expect(await drifts(rig, registry)).toEqual([]);

    await change(registry, 'alter table portfolios alter name drop not null');
    const detected = await told(rig, registry, DETECTED);
    expect(detected).toMatchObject({
      causationId: registry.requestId(),
      body: { migration_version: rig.migrations.at(-1)?.version, change: 1, difference_count: 1 },
    });
    expect(detected.body['differences']).toEqual(['table portfolios: column name: nullable is yes, should be no']);
    // The directory does not show it yet: it is the same fact that is told again.
    await compared(rig, registry, 2);
    expect(await drifts(rig, registry)).toEqual([detected]);
    await registry.change({ schema_drift: { change: 1, fingerprint: String(detected.body['fingerprint']) } });

    await change(registry, 'alter table portfolios alter name set not null');
    const resolved = await told(rig, registry, RESOLVED);
    expect(resolved).toMatchObject({ causationId: registry.requestId(), body: { change: 2 } });
    await registry.change({ schema_drift: { change: 2, fingerprint: null } });
    await compared(rig, registry, 2);
    expect(await drifts(rig, registry)).toEqual([detected, resolved]);
  },
);

it('a home is compared right after a migration, and with its new version; otherwise when its time has come', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server], HOURLY);
  const registry = await createActiveTenant(rig, server, 'migrated', 'standard');
  await waitFor(
    async () =>
      (await rig.pool.query(`select from worker.directory_row where drift_due_at > now() + interval '50 minutes'`)).rowCount ===
      1,
    { what: 'the first comparison', deadlineMs: 30_000 },
  );
  await change(registry, 'create table notes (id int)');
  await first.stop();
  const migrations = await withMore({ '9001_note.sql': 'alter table clients add column note text;' });
  await rig.worker([server], { ...HOURLY, migrations });
  await registry.request('migrate', { target_migration_version: '9001' });
  await registry.settle('migrate');
  expect((await told(rig, registry, DETECTED)).body).toMatchObject({
    migration_version: '9001',
    differences: ['table notes is not part of version 9001'],
  });
});

it('a home whose version this worker does not know is not judged', async () => {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'ahead-of-us', 'standard');
  await first.stop();
  await rig.worker([server], { ...OFTEN, migrations: rig.migrations.slice(0, 2) });
  await compared(rig, registry);
  expect(await drifts(rig, registry)).toEqual([]);
  expect(rig.log.join('')).toContain('unknown_version');
});
