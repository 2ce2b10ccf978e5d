import { createPool, transaction } from '@ultracore/postgres';
import { freshDatabase, testStack } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { v4 } from 'uuid';
import type { Change } from '../../src/readmodel/rollout-changes.ts';
import { overdueTenants, stillWaiting, tenantsToAsk } from '../../src/readmodel/rollout-progress.ts';
import { applyChanges } from '../../src/readmodel/rollouts.ts';
import { migrationIdOf } from '../../src/rollout/ask.ts';
import { migrateRegistry } from '../../src/store/schema.ts';
import { logger } from '../app.ts';

const rolloutId = v4();
const named = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
const asked = (tenantId: string, at: string): Change => ({
  change: 'asked',
  rolloutId,
  tenantId,
  requestId: migrationIdOf(rolloutId, { tenantId, attempt: 1 }),
  at,
  revision: 9,
});

/** A rollout over six tenants of one server, four of another, and small ones of both, of which some were asked. */
async function running(...changes: readonly Change[]) {
  const database = await freshDatabase(testStack());
  const pool = createPool({ connectionString: database.url, applicationName: 'registry-test', logger });
  onTestFinished(async () => {
    await pool.end();
    await database[Symbol.asyncDispose]();
  });
  await migrateRegistry(pool);
  const planned: Change = {
    change: 'rollout',
    rolloutId,
    revision: 0,
    event: {
      type: 'RolloutPlanned',
      data: {
        rolloutId,
        targetVersion: '0004',
        reason: 'because',
        concurrency: 6,
        maxFailureShare: 0.1,
        waves: [
          {
            groups: [
              { tier: 'standard', server: 'pg-a:5432', tenants: named('a', 6) },
              { tier: 'standard', server: 'pg-b:5432', tenants: named('b', 4) },
              { tier: 'small', server: 'pg-b:5432', tenants: named('small', 3) },
            ],
          },
        ],
        leftOut: [],
        plannedBy: 'op-1',
        plannedAt: '2026-03-01T09:00:00.000Z',
      },
    },
  };
  await apply(pool, planned, ...changes);
  return pool;
}
const apply = (pool: Pool, ...changes: readonly Change[]) => transaction(pool, (client) => applyChanges(client, changes));

const AT = '2026-03-01T10:00:00.000Z';

test('servers on which somebody waits or is asked share the concurrency, with what is open there and what is only known to be asked', async () => {
  const pool = await running(asked('b-0', AT), asked('b-1', AT));
  const next = async (concurrency: number, unseen: string[], limit = 10) =>
    (await tenantsToAsk(pool, { rolloutId, wave: 0, concurrency, asked: unseen, limit })).map(({ tenantId }) => tenantId);
  expect(await next(6, [])).toEqual(['a-0', 'small-0', 'a-1', 'a-2']);
  expect(await next(6, ['a-0', 'small-0'])).toEqual(['a-1', 'a-2']);
  expect(await next(2, [])).toEqual(['a-0']);
  expect(await next(6, [], 2)).toEqual(['a-0', 'small-0']);
  expect(await stillWaiting(pool, { rolloutId, tenantIds: ['a-0', 'b-0'] })).toEqual([{ tenantId: 'a-0', attempt: 1 }]);
});

test('a server on which nobody waits any more leaves its part to the others', async () => {
  const pool = await running(...named('a', 6).map((id) => asked(id, AT)));
  await pool.query("update rollout_tenants set state = 'done' where tenant_id like 'a-%'");
  const next = await tenantsToAsk(pool, { rolloutId, wave: 0, concurrency: 6, asked: [], limit: 10 });
  expect(next.map(({ tenantId }) => tenantId)).toEqual(['b-0', 'small-0', 'b-1', 'b-2', 'b-3']);
});

test('who was asked before a time and is still running is overdue', async () => {
  const pool = await running(
    asked('a-0', '2026-03-01T10:00:01.000Z'),
    asked('a-1', AT),
    asked('a-2', '2026-03-01T12:00:00.000Z'),
  );
  const overdue = (limit: number) => overdueTenants(pool, { rolloutId, askedBefore: '2026-03-01T11:00:00.000Z', limit });
  const of = (tenantId: string) => ({ tenantId, attempt: 1, requestId: migrationIdOf(rolloutId, { tenantId, attempt: 1 }) });
  expect(await overdue(10)).toEqual([of('a-1'), of('a-0')]);
  expect(await overdue(1)).toEqual([of('a-1')]);
});

test('nobody is overdue on a server that has ended another since, be it as failed, and giving one up ends none', async () => {
  const pool = await running(...['a-0', 'a-1', 'a-2', 'b-0', 'b-1'].map((id) => asked(id, AT)));
  const before = (askedBefore: string) => overdueTenants(pool, { rolloutId, askedBefore, limit: 10 });
  const namesBefore = async (time: string) => (await before(time)).map(({ tenantId }) => tenantId);
  const endOf = (tenantId: string) =>
    ({ change: 'ended', tenantId, requestId: migrationIdOf(rolloutId, { tenantId, attempt: 1 }), revision: 10 }) as const;
  const failure = { state: 'failed', code: 'lock_timeout', reason: 'no' } as const;
  await apply(pool, { ...endOf('b-0'), failure: { ...failure, code: 'not_ended_in_time' } });
  expect(await namesBefore('2026-03-01T11:00:00.000Z')).toEqual(['a-0', 'a-1', 'a-2', 'b-1']);
  await apply(pool, { ...endOf('a-0'), at: '2026-03-01T11:30:00.000Z', failure });
  expect(await namesBefore('2026-03-01T11:00:00.000Z')).toEqual(['b-1']);
  expect(await namesBefore('2026-03-01T12:00:00.000Z')).toEqual(['a-1', 'a-2', 'b-1']);
});

test('what was cancelled counts as it was told, at once or later, and is done when it is completed all the same', async () => {
  const pool = await running();
  const storyOf = (tenantId: string): Change[] => {
    const of = { change: 'ended', tenantId, requestId: migrationIdOf(rolloutId, { tenantId, attempt: 1 }) } as const;
    return [
      asked(tenantId, AT),
      { ...of, revision: 10, failure: { state: 'skipped', code: 'cancelled', reason: 'away' } },
      { ...of, revision: 11, failure: { state: 'failed', code: 'lock_timeout', reason: 'no' } },
      { ...of, revision: 12, failure: null },
    ];
  };
  // Read in one go, and one by one.
  await apply(pool, ...storyOf('a-0').slice(0, 3), ...storyOf('a-2'));
  for (const change of [...storyOf('a-1').slice(0, 3), ...storyOf('a-3')]) await apply(pool, change);
  const { rows } = await pool.query("select state, code from rollout_tenants where tenant_id < 'a-4' order by tenant_id");
  const [given, done] = [
    { state: 'skipped', code: 'cancelled' },
    { state: 'done', code: null },
  ];
  expect(rows).toEqual([given, given, done, done]);
});
