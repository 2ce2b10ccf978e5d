import { createCommandHandler } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRolloutExecutor } from '../../src/inbound/rollout/executor.ts';
import { toDirectoryRow } from '../../src/outbound/directory.ts';
import { createTenantProjector } from '../../src/readmodel/projector.ts';
import { rebuildTenants } from '../../src/readmodel/rebuild.ts';
import { rolloutProgress } from '../../src/readmodel/rollout-reading.ts';
import { rolloutCodec } from '../../src/rollout/codec.ts';
import { rolloutDecider } from '../../src/rollout/decider.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { logger, startApp, type TestApp } from '../app.ts';
import { createHistory } from '../backends.ts';
import { factsOf } from '../tenant/examples.ts';

const DEADLINE = { deadlineMs: 30_000, everyMs: 20 };
const IDS = Array.from({ length: 12 }, (_, n) => `fleet-${String(n).padStart(2, '0')}`);

let app: TestApp;
let history: ReturnType<typeof createHistory>;
const parts: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  app = await startApp();
  history = createHistory(app.store);
  const { pool, store } = app;
  const leased = { pool, store, holder: v4(), leaseTtlMs: 2_000, logger, onBoundary: () => undefined };
  const projector = createTenantProjector(leased);
  const executor = createRolloutExecutor({
    ...leased,
    commands: createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 100 }),
    rollouts: createCommandHandler({ store, decider: rolloutDecider, codec: rolloutCodec, cacheSize: 10 }),
    everyMs: 20,
    progress: rolloutProgress(pool),
  });
  for (const part of [projector, executor]) part.start();
  parts.push(executor, projector);
  for (const [n, id] of IDS.entries()) {
    await history.activate(id, await history.create(id, { tier: n < 8 ? 'standard' : 'small' }));
  }
  await history.create('fleet-unborn');
  await history.decide('fleet-07', { type: 'SuspendTenant', reason: 'unpaid', by: 'op-1', now: new Date().toISOString() });
  await waitFor(
    async () => (await pool.query("select from tenant_configs where status in ('active', 'suspended')")).rowCount === 12,
    {
      what: 'the tenants in the read model',
      ...DEADLINE,
    },
  );
  // As rows are that were there before anybody asked for versions.
  await pool.query(
    "update tenant_revisions set migration_version = null, migrating = null where tenant_id in ('fleet-02', 'fleet-09')",
  );
});
afterAll(async () => {
  for (const part of parts) await part.stop();
  await app?.[Symbol.asyncDispose]();
});

/** Answers what is open, as the worker would, until the rollout is no longer running; then the rollout. */
async function untilOver(id: string, wentWell: (tenantId: string) => boolean) {
  await waitFor(
    async () => {
      for (const tenantId of IDS) {
        const { state } = await history.load(streamOf(tenantId));
        if (state.status === 'none' || state.requests.migrate?.outcome !== 'open') continue;
        const { migrated, migrationsFailed } = factsOf(state.requests.migrate.id);
        const { targetVersion } = state.requests.migrate;
        await history.say(
          tenantId,
          wentWell(tenantId) ? { ...migrated, data: { ...migrated.data, migrationVersion: targetVersion } } : migrationsFailed,
        );
      }
      return (await app.call('GET', `/v1/rollouts/${id}`)).body.status !== 'running';
    },
    { what: 'the rollout to end', ...DEADLINE },
  );
  return (await app.call('GET', `/v1/rollouts/${id}`)).body;
}
/** What a home would be made of that is asked for now; null for all migrations. */
async function versionOfNew(tier: 'standard' | 'small') {
  const asked = { tenant_name: 'New', tier, owner_email: 'new@firm.example' };
  const { status, body } = await app.call('POST', '/v1/tenants', { body: asked });
  expect(status).toBe(202);
  const { state } = await history.load(streamOf(String(body.tenant_id)));
  if (state.status !== 'provisioning') throw new Error(`It is ${state.status}.`);
  const version = toDirectoryRow(state).target_migration_version;
  // Out of the way of what rollouts are planned over.
  const now = new Date().toISOString();
  await history.decide(state.tenantId, { type: 'TerminateTenant', reason: 'test', dataRetentionDays: 0, by: 'op-1', now });
  return version;
}
const rows = async (): Promise<unknown> =>
  [
    (await app.pool.query('select * from rollouts order by rollout_id')).rows,
    (await app.pool.query('select * from rollout_tenants order by rollout_id, tenant_id')).rows,
  ] as const;
const wanted = { target_version: '0004', reason: 'a column', concurrency: 4 };

describe('a rollout by HTTP', () => {
  test('that is only tried shows its waves and who is left out, and does nothing', async () => {
    const { status, body } = await app.call('POST', '/v1/rollouts', { body: { ...wanted, dry_run: true } });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      tenants: 11,
      canary: ['fleet-00'],
      waves: [
        { wave: 0, tenants: 1, by_tier: { standard: 1 } },
        { wave: 1, tenants: 5, by_tier: { standard: 5 } },
        { wave: 2, tenants: 1 },
        { wave: 3, tenants: 4, by_tier: { small: 4 }, servers: ['127.0.0.1:5432'] },
      ],
      left_out: [
        { code: 'suspended', tenants: 1 },
        { code: 'provisioning', tenants: 1 },
      ],
    });
    expect(body.skipped).toContainEqual({ tenant_id: 'fleet-07', code: 'suspended' });
    const there = await app.call('POST', '/v1/rollouts', { body: { ...wanted, target_version: '0003', dry_run: true } });
    expect(there.body).toMatchObject({ tenants: 0 });
    expect(there.body.left_out).toContainEqual({ code: 'already_migrated', tenants: 11 });
    expect((await app.call('GET', '/v1/rollouts')).body).toEqual({ rollouts: [], next_cursor: null });
    expect(await versionOfNew('standard')).toBeNull();
  });

  test('stops at a canary that fails, says why and for whom, goes on once that is mended, and asks nobody twice who is done', async () => {
    const headers = { 'idempotency-key': v4() };
    const ask = () => app.call('POST', '/v1/rollouts', { body: wanted, headers });
    const planned = await ask();
    const id = String(planned.body.rollout_id);
    expect([planned.status, planned.headers['location']]).toEqual([202, `/v1/rollouts/${id}`]);
    expect((await ask()).body.rollout_id).toBe(id);
    expect(await app.call('POST', '/v1/rollouts', { body: { ...wanted, reason: 'other' }, headers })).toMatchObject({
      status: 422,
    });
    expect(await app.call('POST', '/v1/rollouts', { body: wanted })).toMatchObject({
      status: 409,
      body: { code: 'rollout_open' },
    });
    expect(await app.call('POST', `/v1/rollouts/${id}/resume`, { body: { reason: 'x' } })).toMatchObject({
      status: 409,
      body: { code: 'rollout_not_stopped' },
    });

    const broken = await untilOver(id, () => false);
    expect(broken).toMatchObject({ status: 'stopped', wave: 0, stopped: { code: 'too_many_failures', by: 'registry' } });
    const failed = await app.call('GET', `/v1/rollouts/${id}/tenants?state=failed`);
    expect(failed.body).toMatchObject({
      tenants: [{ tenant_id: 'fleet-00', wave: 0, attempt: 1, code: 'syntax_error', reason: 'line 3' }],
      next_cursor: null,
    });
    const events = await history.events('fleet-00');
    expect(events.at(-2)).toMatchObject({ type: 'MigrationRequested.v1', actor: 'op-1' });
    expect((await history.events('fleet-01')).some(({ type }) => type === 'MigrationRequested.v1')).toBe(false);

    expect((await app.call('POST', `/v1/rollouts/${id}/resume`, { body: { reason: 'mended' } })).status).toBe(202);
    const over = await untilOver(id, () => true);
    expect(over).toMatchObject({ status: 'completed', attempt: 2, stopped: null });
    expect(over.waves.map((wave: { done: number }) => wave.done)).toEqual([1, 5, 1, 4]);
    for (const tenantId of IDS.filter((each) => each !== 'fleet-07')) {
      const asked = (await history.events(tenantId)).filter(({ type }) => type === 'MigrationRequested.v1').length;
      expect([tenantId, asked]).toEqual([tenantId, tenantId === 'fleet-00' ? 2 : 1]);
    }
    // The list comes from the projection, a moment later.
    await waitFor(async () => (await app.call('GET', '/v1/rollouts')).body.rollouts[0]?.status === 'completed', {
      what: 'the list to show that it is over',
      ...DEADLINE,
    });
    expect((await app.call('GET', '/v1/rollouts')).body.rollouts).toMatchObject([{ rollout_id: id, status: 'completed' }]);
    expect(await app.call('POST', '/v1/rollouts', { body: wanted })).toMatchObject({ body: { code: 'nothing_to_migrate' } });
    expect([await versionOfNew('standard'), await versionOfNew('small')]).toEqual(['0004', '0004']);
  });

  test('may be over some of the tenants only, may be stopped by an operator, and leaves what it asked to its end; nobody else asks in its name, and what is asked of one tenant is no part of it', async () => {
    const body = { ...wanted, target_version: '0005', only: { tiers: ['standard'] }, canary: { tenant_ids: ['fleet-03'] } };
    const id = String((await app.call('POST', '/v1/rollouts', { body })).body.rollout_id);
    await waitFor(async () => (await app.call('GET', `/v1/rollouts/${id}/tenants?state=running`)).body.tenants.length === 1, {
      what: 'the canary to be asked',
      ...DEADLINE,
    });
    const foreign = { target_version: '0006', rollout_id: id };
    expect(await app.call('POST', '/v1/tenants/fleet-04/migrate', { body: foreign })).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', errors: [{ field: 'rollout_id', code: 'unknown_field' }] },
    });
    const { rollout_id: _, ...alone } = foreign;
    expect((await app.call('POST', '/v1/tenants/fleet-04/migrate', { body: alone })).status).toBe(202);
    const stopped = await app.call('POST', `/v1/rollouts/${id}/stop`, { body: { reason: 'too late today' } });
    expect(await versionOfNew('standard')).toBe('0004');
    expect(stopped.body).toMatchObject({
      status: 'stopped',
      stopped: { code: 'operator', reason: 'too late today', by: 'op-1' },
    });
    await untilOver(id, () => true);
    await waitFor(async () => (await app.call('GET', `/v1/rollouts/${id}`)).body.waves[0].done === 1, {
      what: 'what was asked to be done',
      ...DEADLINE,
    });
    const page = await app.call('GET', `/v1/rollouts/${id}/tenants?state=waiting&limit=4`);
    const rest = await app.call('GET', `/v1/rollouts/${id}/tenants?state=waiting&limit=4&cursor=${page.body.next_cursor}`);
    const listed = [...page.body.tenants, ...rest.body.tenants].map(({ tenant_id: each }: { tenant_id: string }) => each);
    expect(listed).toEqual(IDS.slice(0, 7).filter((each) => each !== 'fleet-03'));
  });

  test('is read by auditors and decided by operators; what is not known is not found', async () => {
    expect((await app.call('POST', '/v1/rollouts', { token: 'auditor', body: wanted })).status).toBe(403);
    expect((await app.call('GET', '/v1/rollouts', { token: 'auditor' })).status).toBe(200);
    expect((await app.call('GET', '/v1/rollouts', { token: 'creator' })).status).toBe(403);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/tenants'],
      ['POST', '/stop'],
      ['POST', '/resume'],
    ] as const) {
      const options = method === 'POST' ? { body: { reason: 'x' } } : {};
      expect(await app.call(method, `/v1/rollouts/${v4()}${path}`, options)).toMatchObject({
        body: { code: 'rollout_not_found' },
      });
    }
    const noId = Buffer.from('-'.repeat(36)).toString('base64url');
    expect(await app.call('GET', `/v1/rollouts?cursor=${noId}`)).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } });
  });

  test('is kept the same by a rebuild', async () => {
    const before = await rows();
    await app.pool.query("update rollout_tenants set state = 'spoilt'");
    await rebuildTenants({ pool: app.pool, store: app.store });
    expect(await rows()).toEqual(before);
  });

  test('is resumed once under a key: repeated, that is answered although another one runs by now', async () => {
    const plan = async (tenantId: string): Promise<string> => {
      const body = { ...wanted, target_version: '0010', only: { tenant_ids: [tenantId] } };
      return String((await app.call('POST', '/v1/rollouts', { body })).body.rollout_id);
    };
    const tell = (id: string, what: 'stop' | 'resume', headers: Record<string, string> = {}) =>
      app.call('POST', `/v1/rollouts/${id}/${what}`, { body: { reason: 'x' }, headers });
    const headers = { 'idempotency-key': v4() };
    const first = await plan('fleet-00');
    await tell(first, 'stop');
    expect((await tell(first, 'resume', headers)).status).toBe(202);
    await tell(first, 'stop');
    const second = await plan('fleet-01');
    expect(await tell(first, 'resume')).toMatchObject({ status: 409, body: { code: 'rollout_open' } });
    expect(await tell(first, 'resume', headers)).toMatchObject({ status: 202, body: { rollout_id: first, attempt: 2 } });
    expect((await tell(second, 'stop')).status).toBe(202);
  });
});
