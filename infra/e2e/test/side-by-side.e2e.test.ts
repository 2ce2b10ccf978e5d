import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, FORWARDS, START } from '@eventstore/db-client';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf, publicationFaults } from '../src/convergence.ts';
import { type Tier, withClient } from '../src/homes.ts';
import { createPlatform, type Platform, type RunningService } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';
import { readTopic, type TopicRecord } from '../src/topics.ts';

const TIERS: readonly Tier[] = ['enterprise', 'standard', 'small'];

let platform: Platform;
let registries: [RunningService, RunningService];
beforeAll(async () => {
  platform = await createPlatform();
  registries = [await platform.start('registry'), await platform.start('registry')];
  await platform.start('provisioning-worker');
  await platform.start('provisioning-worker');
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Creates tenants of all tiers through both registries, one request to each at once. */
async function createThroughBoth(prefix: string, count: number): Promise<{ id: string; tier: Tier }[]> {
  const tenants = Array.from({ length: count }, (_, n) => ({ id: freshId(prefix), tier: TIERS[n % TIERS.length] ?? 'small' }));
  await Promise.all(
    tenants.map(async ({ id, tier }) => {
      const key = randomUUID();
      const answers = await Promise.all(
        registries
          .filter((registry) => registry.isAlive())
          .map((registry) => platform.api('operator', registry).create({ tenant_id: id, tier }, key)),
      );
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 202));
    }),
  );
  return tenants;
}

async function faultsOfAll(tenants: readonly { id: string; tier: Tier }[], api = platform.api()): Promise<string[]> {
  const each = await Promise.all(tenants.map(({ id, tier }) => faultsOf(platform.stack, api, id, tier)));
  return [
    ...each.flat(),
    ...(await publicationFaults(
      platform.stack,
      api,
      tenants.map(({ id }) => id),
    )),
  ];
}

describe('two registries and two workers side by side', () => {
  test('provision each tenant exactly once', async () => {
    expect(await faultsOfAll(await createThroughBoth('both', 18))).toEqual([]);
  });

  test('a checkpoint set back by 1,000 events changes no reader’s state', async () => {
    const [first] = registries;
    await Promise.all(registries.map((registry) => registry.stop()));
    const before = await readersState();
    await setCheckpointsBack(1_000);
    const publishedBefore = (await readTopic(platform.stack, 'multitenancy.lifecycle')).length;
    registries = [await platform.start('registry'), await platform.start('registry')];
    expect(first.isAlive()).toBe(false);
    await waitFor(async () => (await readTopic(platform.stack, 'multitenancy.lifecycle')).length > publishedBefore, {
      what: 'the relay to publish again what it had published',
      deadlineMs: 30_000,
      everyMs: 500,
    });
    // A tenant created now is behind everything repeated: when it is done, every reader has seen the repetitions.
    const [behind] = await createThroughBoth('behind', 3);
    expect(await faultsOfAll(behind ? [behind] : [])).toEqual([]);
    const after = await readersState();
    for (const [tenantId, state] of before) expect(after.get(tenantId), tenantId).toBe(state);
    expect(regressions(await readTopic(platform.stack, 'multitenancy.directory'), before)).toEqual([]);
  });

  test('a relay stopped with SIGSTOP and continued after its successor took over publishes nothing old', async () => {
    const [leader, follower] = await leaderFirst();
    const api = platform.api('operator', follower);
    const inFlight = await createThroughBoth('paused', 12);
    leader.kill('SIGSTOP');
    try {
      expect(await faultsOfAll(inFlight, api)).toEqual([]);
      const [later] = [{ id: freshId('later'), tier: 'small' as const }];
      await api.create({ tenant_id: later.id, tier: later.tier });
      expect(await faultsOf(platform.stack, api, later.id, later.tier)).toEqual([]);
    } finally {
      leader.kill('SIGCONT');
    }
    const counts = async () =>
      Promise.all(
        ['lifecycle', 'security', 'config'].map(async (name) => (await readTopic(platform.stack, `multitenancy.${name}`)).length),
      );
    const atContinue = await counts();
    await waitFor(async () => (await fetch(`${leader.url}/livez`)).ok, { what: 'the paused registry to answer again' });
    // Long enough for several beats: whatever the paused relay still had in hand would be out by then.
    const beats = async () =>
      (await readTopic(platform.stack, 'multitenancy.directory')).filter((record) => record.key === '__beat-0').length;
    const beatsBefore = await beats();
    await waitFor(async () => (await beats()) >= beatsBefore + 3, { what: 'three more beats', everyMs: 500 });
    expect(await counts()).toEqual(atContinue);
    expect(
      regressions(await readTopic(platform.stack, 'multitenancy.directory'), new Map(inFlight.map(({ id }) => [id, '']))),
    ).toEqual([]);
  });
});

/** The registry whose relay is the active one, then the other: the lease's holder names its process. */
async function leaderFirst(): Promise<[RunningService, RunningService]> {
  const holder = await withClient({ stack: platform.stack, database: 'ultracore_tenants' }, async (client) => {
    const { rows } = await client.query<{ holder: string }>(
      `select holder from leases where name = 'relay' and expires_at > now()`,
    );
    return rows[0]?.holder ?? '';
  });
  const [a, b] = registries;
  if (holder.includes(`/${a.pid}/`)) return [a, b];
  if (holder.includes(`/${b.pid}/`)) return [b, a];
  throw new Error(`Neither registry holds the relay's lease, but ${holder}.`);
}

/** What each reader holds of each tenant: the read model's row, the worker's copy of the directory and its work. */
async function readersState(): Promise<Map<string, string>> {
  const states = new Map<string, string>();
  const add = async (database: string, sql: string) => {
    const rows = await withClient(
      { stack: platform.stack, database },
      async (client) => (await client.query<{ id: string; state: string }>(sql)).rows,
    );
    for (const { id, state } of rows) states.set(id, `${states.get(id) ?? ''}\n${state}`);
  };
  await add('ultracore_tenants', `select tenant_id as id, to_jsonb(t)::text as state from tenant_configs t`);
  await add('ultracore__worker', `select tenant_id as id, revision::text || row::text as state from worker.directory_row`);
  await add(
    'ultracore__worker',
    `select tenant_id as id, string_agg(request_id::text || state || coalesce(outcome, ''), ',' order by request_id) as state from worker.work_item group by tenant_id`,
  );
  return states;
}

/** Sets every checkpoint of the registry back by so many events of `$all`. */
async function setCheckpointsBack(events: number): Promise<void> {
  const client = EventStoreDBClient.connectionString(String(platform.stack.eventstoredb_url));
  const positions: bigint[] = [];
  for await (const { event } of client.readAll({ direction: FORWARDS, fromPosition: START })) {
    if (event && !event.streamId.startsWith('$')) positions.push(event.position.commit);
  }
  await client.dispose();
  const position = positions.at(-events) ?? positions[0] ?? 0n;
  await withClient({ stack: platform.stack, database: 'ultracore_tenants' }, async (postgres) => {
    const { rowCount } = await postgres.query('update checkpoints set position = $1', [position.toString()]);
    expect(rowCount).toBeGreaterThanOrEqual(2);
  });
}

/** Directory records of the tenants whose revision is lower than one before them in their partition. */
function regressions(records: readonly TopicRecord[], tenants: ReadonlyMap<string, unknown>): string[] {
  const highest = new Map<string, number>();
  return records.flatMap(({ key, body }) => {
    if (!tenants.has(key)) return [];
    const revision = Number(body?.['revision']);
    const before = highest.get(key) ?? -1;
    highest.set(key, Math.max(before, revision));
    return revision < before ? [`${key}: ${revision} after ${before}`] : [];
  });
}
