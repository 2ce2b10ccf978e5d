import { createCommandHandler } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createSchedule, type TenantsWaiting } from '../../src/inbound/timer/schedule.ts';
import { tenantsWaiting } from '../../src/readmodel/waiting.ts';
import type { LeasedWork } from '../../src/store/leased-work.ts';
import { tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { logger } from '../app.ts';
import { createHistory, freshTenantId, openBackends, startProjector, untilProjected, type Backends } from '../backends.ts';
import { factsOf } from '../tenant/examples.ts';

const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);

/** A schedule that is stopped at the end of the test. */
function startSchedule(
  { pool, store }: Pick<Backends, 'pool' | 'store'>,
  rotateAfterDays?: number,
  waiting: TenantsWaiting = (query) => tenantsWaiting(pool, query),
): { schedule: LeasedWork; looked: () => number } {
  let looks = 0;
  const schedule = createSchedule({
    pool,
    commands: createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 100 }),
    async tenantsWaiting(query) {
      looks += 1;
      return waiting(query);
    },
    rotateAfterDays,
    holder: v4(),
    // Long beside any pause of a busy machine: each loss of the lease begins the look anew.
    leaseTtlMs: 5_000,
    logger,
    everyMs: 20,
  });
  schedule.start();
  onTestFinished(() => schedule.stop());
  return { schedule, looked: () => looks };
}

/** Waits until the schedule has looked a few times more. */
const untilLookedAgain = (looked: () => number) => {
  const wanted = looked() + 4;
  return waitFor(() => looked() >= wanted, { what: 'the schedule to look again' });
};

const terminate = (now: Date, dataRetentionDays: number) =>
  ({ type: 'TerminateTenant', reason: 'over', by: 'op-1', dataRetentionDays, now: now.toISOString() }) as const;
const hold = (now: Date) => ({ type: 'PlaceLegalHold', reason: 'court', by: 'op-1', now: now.toISOString() }) as const;
const release = (now: Date) => ({ type: 'ReleaseLegalHold', reason: 'over', by: 'op-1', now: now.toISOString() }) as const;

async function activeSince(history: ReturnType<typeof createHistory>, since: Date): Promise<string> {
  const id = freshTenantId();
  await history.activate(id, await history.create(id, { now: since.toISOString() }), since);
  return id;
}
const count = async (history: ReturnType<typeof createHistory>, id: string, type: string): Promise<number> =>
  (await history.events(id)).filter((event) => event.type === type).length;

describe('the purge of terminated tenants', () => {
  test('is asked for once its time has come, by one of several registries, once; a hold keeps it off until it is released', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const [due, never, kept, held] = await Promise.all([
      activeSince(history, daysAgo(40)),
      history.create('never-active').then(() => 'never-active'),
      activeSince(history, daysAgo(40)),
      activeSince(history, daysAgo(40)),
    ]);
    await history.decide(due, terminate(daysAgo(31), 30));
    await history.decide(never, terminate(new Date(), 30));
    await history.decide(kept, terminate(daysAgo(29), 30));
    await history.decide(held, terminate(daysAgo(31), 30));
    await history.decide(held, hold(new Date()));
    startProjector(backends);
    const all = [startSchedule(backends), startSchedule(backends)];
    const asked = (id: string) => count(history, id, 'PurgeRequested.v1');
    for (const id of [due, never]) await waitFor(async () => (await asked(id)) === 1, { what: `the purge of ${id}` });
    const { looked } = await waitFor(() => all.find(({ schedule }) => schedule.active()), { what: 'a schedule to be active' });
    await untilProjected(backends, history, [due, never, kept, held]);
    await untilLookedAgain(looked);
    expect(await Promise.all([due, never, kept, held].map(asked))).toEqual([1, 1, 0, 0]);
    expect((await history.events(due)).at(-1)).toMatchObject({ type: 'PurgeRequested.v1', actor: 'registry' });
    await history.decide(held, release(new Date()));
    await waitFor(async () => (await asked(held)) === 1, { what: 'the purge of what is held no more' });
  });

  test('that failed is not asked for again at once', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const [now, later] = await Promise.all([activeSince(history, daysAgo(40)), activeSince(history, daysAgo(40))]);
    for (const [id, at] of [
      [now, daysAgo(2)],
      [later, new Date()],
    ] as const) {
      await history.decide(id, terminate(daysAgo(35), 30));
      const requestId = v4();
      await history.decide(id, { type: 'PurgeTenant', requestId, reason: 'x', early: false, by: 'op-1', now: at.toISOString() });
      await history.say(id, factsOf(requestId).purgeFailed);
    }
    startProjector(backends);
    const { looked } = startSchedule(backends);
    await waitFor(async () => (await count(history, now, 'PurgeRequested.v1')) === 2, {
      what: 'the second purge',
    });
    await untilProjected(backends, history, [now, later]);
    await untilLookedAgain(looked);
    expect(await count(history, later, 'PurgeRequested.v1')).toBe(1);
  });

  test('is asked for once even by registries that look at the same moment', async () => {
    await using backends = await openBackends();
    // Leases of their own: nothing keeps these two apart.
    await using first = await openBackends();
    await using second = await openBackends();
    const history = createHistory(backends.store);
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const id = await activeSince(history, daysAgo(40));
        await history.decide(id, terminate(daysAgo(31), 30));
        return id;
      }),
    );
    for (const { pool } of [first, second]) startSchedule({ store: backends.store, pool }, undefined, async () => ids);
    const asked = () => Promise.all(ids.map((id) => count(history, id, 'PurgeRequested.v1')));
    await waitFor(async () => (await asked()).every((times) => times > 0), { what: 'all purges' });
    expect(await asked()).toEqual(ids.map(() => 1));
  });
});

describe('rotation by age', () => {
  test('asks for new passwords when the ones in force are so old, again when those are, and not of the suspended', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const [old, young, suspended] = await Promise.all([
      activeSince(history, daysAgo(91)),
      activeSince(history, daysAgo(89)),
      activeSince(history, daysAgo(91)),
    ]);
    await history.decide(suspended, { type: 'SuspendTenant', reason: 'x', by: 'op-1', now: new Date().toISOString() });
    startProjector(backends);
    const { looked } = startSchedule(backends, 90);
    const asked = (id: string) => count(history, id, 'PasswordRotationRequested.v1');
    await waitFor(async () => (await asked(old)) === 1, { what: 'the rotation' });
    const { id: requestId } = (await history.events(old)).at(-1) ?? { id: '' };
    const { issued, rotated } = factsOf(requestId);
    await history.say(old, issued);
    await history.say(old, { ...rotated, data: { ...rotated.data, rotatedAt: new Date().toISOString() } });
    await untilProjected(backends, history, [old, young, suspended]);
    await untilLookedAgain(looked);
    expect(await Promise.all([old, young, suspended].map(asked))).toEqual([1, 0, 0]);
  });

  test('that has just failed keeps its tenant out of the list, so that others are looked at', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const [failed, failedLongAgo, due] = await Promise.all([95, 93, 91].map((days) => activeSince(history, daysAgo(days))));
    const all = [failed, failedLongAgo, due].filter((id) => id !== undefined);
    for (const [id = '', at] of [
      [failed, new Date()],
      [failedLongAgo, daysAgo(2)],
    ] as const) {
      const requestId = v4();
      await history.decide(id, { type: 'RotatePassword', requestId, reason: 'x', by: 'op-1', now: at.toISOString() });
      await history.say(id, factsOf(requestId).rotationFailed);
    }
    startProjector(backends);
    await untilProjected(backends, history, all);
    const listed = await tenantsWaiting(backends.pool, { what: 'password_since', until: daysAgo(90), limit: 2 });
    expect(listed).toEqual([failedLongAgo, due]);
  });

  test('is off unless an age is given', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const id = await activeSince(history, daysAgo(4_000));
    startProjector(backends);
    await untilProjected(backends, history, [id]);
    const { looked } = startSchedule(backends);
    await untilLookedAgain(looked);
    expect(await count(history, id, 'PasswordRotationRequested.v1')).toBe(0);
  });
});
