import { FORWARD_BOUNDARIES } from '@ultracore/provisioning-worker/boundaries';
import { ROLLOUT_BOUNDARIES } from '@ultracore/registry/boundaries';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasColumn, migrationEvents, replace, rollOutDespiteKillAt, rolloutsOver, startFleet, type Fleet } from '../src/fleet.ts';
import { seeded } from '../src/seed.ts';

const random = seeded();
const oneOf = (boundaries: readonly string[]): string => boundaries[random.below(boundaries.length)] ?? '';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['standard', 'standard', 'enterprise']);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

test('a bad migration is stopped at the canary and touches nobody else; mended and resumed, it reaches all', async () => {
  const { platform, folder, ids } = fleet;
  const [canary = '', ...others] = ids;
  const rollouts = await rolloutsOver(platform, ids);
  const env = { TENANT_MIGRATIONS_DIR: folder.directory };
  const asked = async (id: string): Promise<number> => (await migrationEvents(platform, id, '9001')).asked;

  const tried = await rollouts.ask('9001', { dry_run: true });
  expect(tried, tried.text).toMatchObject({ status: 200, body: { tenants: 3, canary: [canary] } });
  expect(await asked(canary)).toBe(0);

  await folder.write('9001', 'alter table clients add column fleet no_such_type;');
  await replace(platform, 'provisioning-worker', { env });
  const id = String((await rollouts.ask('9001')).body['rollout_id']);
  expect(await rollouts.until(id, 'stopped')).toMatchObject({ stopped: { code: 'too_many_failures', by: 'registry' } });
  expect(await rollouts.tenants(id, 'failed')).toMatchObject([
    { tenant_id: canary, code: 'migration_failed', reason: expect.stringContaining('SQLSTATE 42704') as string },
  ]);
  expect(await Promise.all(others.map(asked))).toEqual(others.map(() => 0));

  await folder.write('9001', 'alter table clients add column fleet text;');
  await replace(platform, 'provisioning-worker', { env });
  expect((await rollouts.request('POST', `/${id}/resume`, { reason: 'mended' })).status).toBe(202);
  const over = await rollouts.until(id, 'completed');
  expect(over.waves.reduce((sum, { done }) => sum + done, 0)).toBe(ids.length);
  for (const tenantId of ids) {
    expect(await hasColumn(platform, tenantId, 'fleet'), tenantId).toBe(true);
    expect((await platform.api().get(tenantId)).body).toMatchObject({ migration_version: '9001' });
  }
  expect(await migrationEvents(platform, canary, '9001')).toEqual({ asked: 2, done: 1, failed: 1 });
});

/** One, drawn by the run's seed; `npm run test:soak` goes through all of them. */
const [service, boundary] =
  random.below(2) === 0
    ? (['registry', oneOf(ROLLOUT_BOUNDARIES)] as const)
    : (['provisioning-worker', oneOf(FORWARD_BOUNDARIES.migrate.standard)] as const);
test(`a rollout survives a kill -9 of the ${service} at ${boundary} (seed ${random.seed})`, async () => {
  expect.hasAssertions();
  await rollOutDespiteKillAt(fleet, service, boundary, '9002');
});
