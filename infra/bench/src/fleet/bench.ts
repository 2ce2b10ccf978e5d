import { cpuEach, cpuTimes } from '../frame/cpu.ts';
import { inFlight } from '../frame/in-flight.ts';
import { startPlatform } from '../frame/platform.ts';
import { createRegistryClient, type RegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import type { BenchOptions } from '../options.ts';
import { untilActive } from './active.ts';
import { watchConnections } from './connections.ts';
import { createMigrationsFolder, restartWorker } from './migrations.ts';
import { createRolloutClient } from './rollout-client.ts';

const TIER = 'standard';
/** Ten thousand in fifteen minutes. */
const TENANTS_PER_SECOND = 10_000 / (15 * 60);
const CONNECTIONS = 50;
const TOUCHED_SHARE = 0.01;

const GOOD = { version: '9001', sql: 'alter table clients add column fleet_note text;' };
const BAD = { version: '9002', sql: 'alter table clients add column fleet_worse no_such_type;' };

/**
 * A fleet of standard tenants is brought to a version with one small change, through the same rollout that an operator asks for; then
 * to one that no home can be brought to.
 */
export async function benchFleet(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  await using migrations = await createMigrationsFolder();
  progress('starting the platform …');
  await using platform = await startPlatform({ dataDir: options.dataDir, env: { TENANT_MIGRATIONS_DIR: migrations.directory } });
  const origin = required(platform.stack().edge_url, 'edge_url');
  const token = required(platform.stack().tokens, 'tokens').operator;
  await using registry = createRegistryClient(origin, token, options.inFlight);
  const rollouts = createRolloutClient(origin, token);
  const ids = Array.from({ length: options.tenants }, (_, n) => `fleet-${String(n).padStart(6, '0')}`);

  const made = performance.now();
  await inFlight(ids.length, options.inFlight, (n) => registry.create({ tenant_id: ids[n] ?? '', tier: TIER }));
  await untilActive(platform.stack(), ids.length, progress);
  progress(`${ids.length} ${TIER} tenants active after ${((performance.now() - made) / 1000).toFixed(0)} s`);

  await migrations.add(GOOD);
  await restartWorker(platform);
  const before = cpuTimes(platform.stack().pids);
  await using connections = await watchConnections(platform.stack());
  const startedAt = performance.now();
  const good = await rollouts.run(GOOD.version, progress);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuEach(before, cpuTimes(platform.stack().pids), ids.length);
  const used = connections.most();
  if (good.status !== 'completed') throw new Error(`The rollout is ${good.status}: ${JSON.stringify(good.stopped)}`);
  const each = await durations(registry, ids, options.inFlight);

  await migrations.add(BAD);
  await restartWorker(platform);
  const bad = await rollouts.run(BAD.version, progress);
  if (bad.status !== 'stopped') throw new Error(`The rollout of a migration that must fail is ${bad.status}.`);
  const touched = bad.waves.reduce((sum, wave) => sum + wave.running + wave.done + wave.failed, 0);

  const speed = metric('rounds', `${ids.length} tenants brought to the next version`, 'tenants/s', [ids.length / seconds]);
  const ofWorker = metric('rounds', 'connections of the worker to the server, at most', '', [used.worker]);
  const share = metric('rounds', 'tenants that a bad migration touched', '% of the fleet', [(touched / ids.length) * 100]);
  return {
    metrics: [
      speed,
      metric('samples', 'one tenant: asked → done', 'ms', each),
      ofWorker,
      metric('rounds', 'connections to the server, all of them, at most', '', [used.all]),
      share,
      ...cpu.map(([name, time]) => metric('rounds', `cpu of ${name}`, 'ms a tenant', [time / 1000])),
    ],
    goals: [
      goal('a fleet of 10,000 within 15 minutes', speed, 'at least', TENANTS_PER_SECOND),
      goal('connections used', ofWorker, 'at most', CONNECTIONS),
      goal('a bad migration', share, 'at most', TOUCHED_SHARE * 100),
    ],
    notes: [
      'From the request for the rollout until it is completed: canary, waves and what lies between them included.',
      'Postgres was asked every 100 ms for its connections; those of the worker are the admin’s, without its own bookkeeping.',
    ],
  };
}

/** Milliseconds from the last event that asked for a migration to the next that says it is done, tenant by tenant. */
async function durations(registry: RegistryClient, ids: readonly string[], width: number): Promise<number[]> {
  const values: number[] = [];
  await inFlight(ids.length, width, async (n) => {
    const history = await registry.history(ids[n] ?? '');
    const asked = history.findLast(({ type }) => type === 'TenantMigrationRequestedEvent')?.time.getTime();
    const done = history.findLast(({ type }) => type === 'TenantMigrationsCompletedEvent')?.time.getTime();
    if (asked !== undefined && done !== undefined) values.push(done - asked);
  });
  return values;
}
