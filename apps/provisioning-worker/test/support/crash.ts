import { loadMigrations } from '@ultracore/tenant-database';
import { expect } from 'vitest';
import type { BoundaryName } from '../../src/provisioning/boundaries.ts';
import type { Tier } from '../../src/provisioning/situation.ts';
import { brokenMigrations } from './broken-migrations.ts';
import { asTenant, objectsOf, wholeHome } from './homes.ts';
import { playRegistry } from './registry.ts';
import { createRig, type HomeServer } from './rig.ts';
import { spawnWorker } from './spawn-child.ts';
import { toldFacts } from './told.ts';
import { untilNoLease } from './leases.ts';

/** A tenant id of its own for each kill. */
export const idOf = (prefix: string, tier: Tier, boundary: string): string =>
  `${prefix}${tier.slice(0, 2)}-${boundary.replaceAll(/[:_]/g, '-')}`;

/** A worker dies at a boundary of a creation; another completes the home, with one password and no fact twice. */
export async function surviveKillAt(server: HomeServer, tier: Tier, boundary: BoundaryName): Promise<void> {
  await using rig = await createRig(server.postgres);
  const registry = playRegistry(rig.pool, server, idOf('k', tier, boundary), tier);
  await using child = await spawnWorker(rig, [server], { at: boundary });
  await registry.create();
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server]);
  expect(await registry.answer()).toBe('active');
  await registry.untilClosed();
  expect(await objectsOf(server, registry.tenantId)).toEqual(wholeHome(registry.tenantId, tier));
  for (const login of ['readwrite', 'readonly'] as const) {
    const who = await asTenant(registry.row(), rig.keyRing, 'select ultracore.current_tenant_id() as tenant', login);
    expect(who).toEqual([{ tenant: registry.tenantId }]);
  }
  const types = (await toldFacts(rig.pool, registry.tenantId)).map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
  expect(types.at(-1)).toBe('TenantMigrationsCompletedEvent');
  await untilNoLease(rig.pool);
}

/**
 * A worker dies at a boundary of undoing a creation whose migrations failed; another leaves nothing behind and tells the failure.
 * The server is one where the schema that small tenants share has not been migrated: there it can fail for them too.
 */
export async function undoDespiteKillAt(unmigrated: HomeServer, tier: Tier, boundary: BoundaryName): Promise<void> {
  using broken = brokenMigrations();
  await using rig = await createRig(unmigrated.postgres);
  const registry = playRegistry(rig.pool, unmigrated, idOf('u', tier, boundary), tier);
  await using child = await spawnWorker(rig, [unmigrated], { at: boundary, migrationsDir: broken.directory });
  await registry.create();
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([unmigrated], { migrations: await loadMigrations(broken.directory) });
  expect(await registry.answer()).toBe('failed');
  expect(await registry.untilClosed()).toEqual([{ outcome: 'failed', revision: '1' }]);
  expect(await objectsOf(unmigrated, registry.tenantId)).toEqual([]);
  const facts = await toldFacts(rig.pool, registry.tenantId);
  expect(facts.slice(-2)).toMatchObject([
    { type: 'TenantMigrationsFailedEvent', body: { migration_version: '0002', code: 'migration_failed' } },
    { type: 'TenantProvisioningFailedEvent', body: { step: 'migrate', code: 'migration_failed', attempt: 1, cleaned_up: true } },
  ]);
}
