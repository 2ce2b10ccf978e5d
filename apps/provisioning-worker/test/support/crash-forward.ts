import { loadMigrations } from '@ultracore/tenant-database';
import { expect } from 'vitest';
import type { BoundaryName } from '../../src/provisioning/boundaries.ts';
import type { Tier } from '../../src/provisioning/situation.ts';
import { createActiveTenant } from './active-tenant.ts';
import { idOf } from './crash.ts';
import { asTenant, objectsOf } from './homes.ts';
import { moreMigrations } from './more-migrations.ts';
import { createRig, type HomeServer } from './rig.ts';
import { spawnWorker } from './spawn-child.ts';
import { toldFacts } from './told.ts';
import { untilNoLease } from './leases.ts';

/** A worker dies at a boundary of a rotation; another completes it, with one new password in force at both logins. */
export async function rotateDespiteKillAt(server: HomeServer, tier: Tier, boundary: BoundaryName): Promise<void> {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, idOf('r', tier, boundary), tier);
  await first.stop();
  const before = registry.row();
  await using child = await spawnWorker(rig, [server], { at: boundary });
  const requestId = await registry.request('rotate');
  const settled = registry.settle('rotate');
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server]);
  expect(await settled).toMatchObject({ type: 'TenantPasswordRotatedEvent', causationId: requestId });
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  const issued = (await toldFacts(rig.pool, registry.tenantId)).filter(({ causationId }) => causationId === requestId);
  expect(issued.map(({ type }) => type)).toEqual(['TenantCredentialsIssuedEvent', 'TenantPasswordRotatedEvent']);
  expect(issued[0]?.body['db_password_encrypted']).toBe(issued[1]?.body['db_password_encrypted']);
  for (const login of ['readwrite', 'readonly'] as const) {
    expect(await asTenant(registry.row(), rig.keyRing, 'select 1 as one', login)).toEqual([{ one: 1 }]);
    await expect(asTenant(before, rig.keyRing, 'select 1', login)).rejects.toMatchObject({ code: '28P01' });
  }
  await untilNoLease(rig.pool);
}

/** A worker dies at a boundary of a purge; another completes it, and what was there is told as it was found. */
export async function purgeDespiteKillAt(server: HomeServer, tier: Tier, boundary: BoundaryName): Promise<void> {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, idOf('p', tier, boundary), tier);
  const add = `insert into clients (kind, family_name) select 'person', 'client ' || n from generate_series(1, 3) n`;
  await asTenant(registry.row(), rig.keyRing, add);
  await registry.change({ status: 'terminated' });
  await first.stop();
  await using child = await spawnWorker(rig, [server], { at: boundary });
  await registry.request('purge');
  const settled = registry.settle('purge');
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server]);
  const fact = await settled;
  expect(fact).toMatchObject({ type: 'TenantDataPurgedEvent', body: { removed: { length: 4 } } });
  expect(fact.body['removed']).toMatchObject([{ counted: { rows: 3 } }, {}, {}, { kind: 'credentials', counted: { sealed: 1 } }]);
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  expect(await objectsOf(server, registry.tenantId)).toEqual([]);
  const left = 'select from app.clients where tenant_id = $1';
  expect(await server.query(left, [registry.tenantId], 'ultracore_shared')).toEqual([]);
  await untilNoLease(rig.pool);
}

/** A worker dies at a boundary of bringing a home to a version; another completes it, with the migration applied once. */
export async function migrateDespiteKillAt(server: HomeServer, tier: Tier, boundary: BoundaryName): Promise<void> {
  await using rig = await createRig(server.postgres);
  using more = moreMigrations({ '9001_note.sql': 'alter table clients add column note text;' });
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, idOf('m', tier, boundary), tier);
  await first.stop();
  await using child = await spawnWorker(rig, [server], { at: boundary, migrationsDir: more.directory });
  const requestId = await registry.request('migrate', { target_migration_version: '9001' });
  const settled = registry.settle('migrate');
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server], { migrations: await loadMigrations(more.directory) });
  expect(await settled).toMatchObject({ type: 'TenantMigrationsCompletedEvent', body: { migration_version: '9001' } });
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  expect((await toldFacts(rig.pool, registry.tenantId)).filter(({ causationId }) => causationId === requestId)).toHaveLength(1);
  expect(await asTenant(registry.row(), rig.keyRing, 'select note from clients')).toEqual([]);
}
