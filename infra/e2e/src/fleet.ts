import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS_DIRECTORY } from '@ultracore/tenant-schema';
import { waitFor } from '@ultracore/testkit';
import { expect } from 'vitest';
import type { Answer } from './api.ts';
import { loginOf, withClient, type Tier } from './homes.ts';
import { createPlatform, type Platform, type ServiceName, type StartOptions } from './platform.ts';
import { freshId } from './tenants.ts';

const DEADLINE = { deadlineMs: 120_000 };

/** The tenants' migrations in a folder of the test's own, with more after the last one. */
async function createMigrationsFolder() {
  const directory = await mkdtemp(join(tmpdir(), 'e2e-migrations-'));
  await cp(MIGRATIONS_DIRECTORY, directory, { recursive: true });
  return {
    directory,
    write: (version: string, sql: string): Promise<void> => writeFile(join(directory, `${version}_fleet.sql`), sql),
    [Symbol.asyncDispose]: (): Promise<void> => rm(directory, { recursive: true, force: true }),
  };
}

interface Wave {
  readonly tenants: number;
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Rollout {
  readonly rollout_id: string;
  readonly status: string;
  readonly attempt: number;
  readonly waves: readonly Wave[];
  readonly stopped: { readonly code: string; readonly by: string } | null;
}

/** A service in the place of every one of its kind that runs. */
export async function replace(platform: Platform, name: ServiceName, options: StartOptions = {}) {
  await Promise.all(platform.running(name).map((running) => running.stop()));
  return platform.start(name, options);
}

export interface Fleet extends AsyncDisposable {
  readonly platform: Platform;
  readonly folder: Awaited<ReturnType<typeof createMigrationsFolder>>;
  /** Sorted. */
  readonly ids: readonly string[];
}

/** A registry and a worker with tenants that are all active, at the version that the platform's own migrations end with. */
export async function startFleet(tiers: readonly Tier[]): Promise<Fleet> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createMigrationsFolder());
  const platform = opened.use(await createPlatform());
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  const ids = await createTenants(platform, tiers);
  const all = opened.move();
  return { platform, folder, ids, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function createTenants(platform: Platform, tiers: readonly Tier[]): Promise<string[]> {
  const ids = tiers.map((tier) => freshId(`fleet-${tier.slice(0, 3)}`));
  for (const [n, tier] of tiers.entries()) {
    expect((await platform.api().create({ tenant_id: ids[n] ?? '', tier })).status).toBe(202);
  }
  for (const id of ids) await platform.api().untilStatus(id, ['active'], DEADLINE.deadlineMs);
  return ids.toSorted();
}

/** Rollouts over some tenants, as an operator asks for them. One that an earlier test left running is stopped first. */
export async function rolloutsOver(platform: Platform, tenantIds: readonly string[]) {
  const request = (method: string, path: string, body?: unknown): Promise<Answer> =>
    platform.api().request(method, `/v1/rollouts${path}`, body === undefined ? {} : { body });
  const { body } = await request('GET', '?limit=200');
  for (const each of body['rollouts'] as Rollout[]) {
    if (each.status === 'running') await request('POST', `/${each.rollout_id}/stop`, { reason: 'left over' });
  }
  const wanted = (version: string) => ({
    target_version: version,
    reason: 'a test',
    only: { tenant_ids: tenantIds },
    canary: { tenant_ids: tenantIds.slice(0, 1) },
    concurrency: 2,
  });
  const get = async (id: string): Promise<Rollout> => (await request('GET', `/${id}`)).body as unknown as Rollout;
  return {
    request,
    get,
    ask: (version: string, more: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
      platform.api().request('POST', '/v1/rollouts', { body: { ...wanted(version), ...more }, headers }),
    until: (id: string, status: string): Promise<Rollout> =>
      waitFor(
        async () => {
          const rollout = await get(id);
          if (rollout.status === status && rollout.waves.every(({ running }) => running === 0)) return rollout;
          throw new Error(JSON.stringify(rollout));
        },
        { what: `the rollout to be ${status}`, ...DEADLINE },
      ),
    tenants: async (id: string, state: string): Promise<Record<string, unknown>[]> =>
      (await request('GET', `/${id}/tenants?state=${state}&limit=200`)).body['tenants'] as Record<string, unknown>[],
  };
}

/** How often a tenant was asked for a version, and said that it is done or failed. */
export async function migrationEvents(
  platform: Platform,
  id: string,
  version: string,
): Promise<{ asked: number; done: number; failed: number }> {
  const { body } = await platform.api().request('GET', `/v1/tenants/${id}/events?limit=200`);
  const events = body['events'] as { type: string; data: Record<string, unknown> }[];
  const count = (type: string, field: string): number =>
    events.filter((event) => event.type === type && event.data[field] === version).length;
  return {
    asked: count('TenantMigrationRequestedEvent', 'target_version'),
    done: count('TenantMigrationsCompletedEvent', 'migration_version'),
    failed: count('TenantMigrationsFailedEvent', 'migration_version'),
  };
}

/** Whether the tenant, through its own login, sees a column of its clients. */
export async function hasColumn({ stack }: Platform, id: string, column: string): Promise<boolean> {
  return withClient({ stack, ...(await loginOf(stack, id)) }, async (client) => {
    const { rows } = await client.query(
      `select from pg_attribute where attrelid = 'clients'::regclass and attname = $1 and not attisdropped`,
      [column],
    );
    return rows.length === 1;
  });
}

/**
 * Rolls a further version over tenants while one service is set to kill itself at a boundary, starts it again without the trap, and checks
 * that every tenant was asked once, has the version, and said so once.
 */
export async function rollOutDespiteKillAt(
  { platform, folder, ids }: Fleet,
  service: 'registry' | 'provisioning-worker',
  boundary: string,
  version: string,
): Promise<void> {
  await folder.write(version, `alter table clients add column survived_${version} text;`);
  const env = { TENANT_MIGRATIONS_DIR: folder.directory };
  const rollouts = await rolloutsOver(platform, ids);
  const [trapped] = await Promise.all(
    service === 'registry'
      ? [replace(platform, 'registry', { crashAt: boundary }), replace(platform, 'provisioning-worker', { env })]
      : [replace(platform, 'provisioning-worker', { env, crashAt: boundary })],
  );
  // The registry may die before it answers: its caller then does what every caller does, and asks again under the same key.
  const ask = () => rollouts.ask(version, {}, { 'idempotency-key': `${version} ${ids.join()}` });
  const first = await ask().catch(() => undefined);
  await waitFor(() => trapped === undefined || !trapped.isAlive(), {
    what: `${service} to kill itself at ${boundary} (log ${trapped?.logFile})`,
    ...DEADLINE,
  });
  await platform.start(service, { env });
  const answer = first?.status === 202 ? first : await ask();
  expect(answer.status, answer.text).toBe(202);
  const id = String(answer.body['rollout_id']);
  expect(await rollouts.until(id, 'completed')).toMatchObject({ attempt: 1 });
  for (const tenantId of ids) {
    const events = await migrationEvents(platform, tenantId, version);
    expect([tenantId, events]).toEqual([tenantId, { asked: 1, done: 1, failed: 0 }]);
    expect(await hasColumn(platform, tenantId, `survived_${version}`), tenantId).toBe(true);
  }
}
