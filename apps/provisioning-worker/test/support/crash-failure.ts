import { loadMigrations } from '@ultracore/tenant-database';
import { expect } from 'vitest';
import { FAILURE_BOUNDARIES, type BoundaryName } from '../../src/provisioning/boundaries.ts';
import { createActiveTenant } from './active-tenant.ts';
import { idOf } from './crash.ts';
import { moreMigrations } from './more-migrations.ts';
import type { Registry } from './registry.ts';
import { createRig, type HomeServer } from './rig.ts';
import { spawnWorker } from './spawn-child.ts';
import { toldFacts } from './told.ts';

type Kind = keyof typeof FAILURE_BOUNDARIES;
const KINDS = ['rotate', 'purge', 'migrate', 'verify_replica'] as const satisfies readonly Kind[];

/** How work of each kind is made to fail, and what is told then. */
const FAILING: Readonly<Record<Kind, (server: HomeServer, registry: Registry) => Promise<object>>> = {
  async rotate(server, registry) {
    await server.query(`comment on role ${registry.row().credential?.readonly_db_username} is 'somebody else’s'`);
    await registry.request('rotate');
    return { type: 'TenantPasswordRotationFailedEvent', body: { step: 'check', code: 'foreign_object' } };
  },
  async purge(server, registry) {
    const plant = `insert into app.clients (tenant_id, kind, family_name) values ($1, 'person', 'planted')`;
    await server.query(plant, [registry.tenantId], 'ultracore_shared');
    await registry.request('purge', { status: 'terminated' });
    return { type: 'TenantPurgeFailedEvent', body: { remaining: [{ kind: 'rows', name: 'clients', counted: { rows: 1 } }] } };
  },
  async migrate(_, registry) {
    await registry.request('migrate', { target_migration_version: '9001' });
    return { type: 'TenantMigrationsFailedEvent', body: { migration_version: '9001', code: 'migration_failed' } };
  },
  async verify_replica(server, registry) {
    const details = { readonly_db_host: server.host, readonly_db_port: server.port };
    await registry.request('verify_replica', {}, details);
    return { type: 'TenantReadReplicaRejectedEvent', body: { ...details, code: 'not_in_recovery' } };
  },
};

/** A worker dies while it tells that work has failed; another tells it, once. */
export async function failDespiteKillAt(server: HomeServer, boundary: BoundaryName): Promise<void> {
  const kind = KINDS.find((each) => FAILURE_BOUNDARIES[each].includes(boundary));
  if (kind === undefined) throw new Error(`No work that fails crosses ${boundary}.`);
  await using rig = await createRig(server.postgres);
  using bad = moreMigrations({ '9001_bad.sql': 'alter table clients add column worse no_such_type;' });
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, idOf('f', 'standard', boundary), 'standard');
  await first.stop();
  await using child = await spawnWorker(rig, [server], { at: boundary, migrationsDir: bad.directory });
  const failure = await FAILING[kind](server, registry);
  const settled = registry.settle(kind);
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await rig.worker([server], { migrations: await loadMigrations(bad.directory) });
  const fact = await settled;
  expect(fact).toMatchObject(failure);
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed']);
  const told = await toldFacts(rig.pool, registry.tenantId);
  expect(told.filter(({ causationId }) => causationId === fact.causationId)).toHaveLength(1);
}
