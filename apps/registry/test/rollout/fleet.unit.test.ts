import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROLLOUT_BOUNDARIES } from '../../src/boundaries.ts';
import { createFleet, type Fleet, type Member } from './fleet.ts';

const named = (prefix: string, count: number): { tenantId: string }[] =>
  Array.from({ length: count }, (_, n) => ({ tenantId: `${prefix}-${String(n).padStart(3, '0')}` }));
const standard = (count: number): Member[] => named('standard', count);
const small = (count: number, server = 'pg-a:5432'): Member[] =>
  named(`small-${server.slice(0, 4)}`, count).map((each) => ({ ...each, tier: 'small', server }));

/** Passes and answers until the rollout runs no more, with everything seen at once. */
async function runToEnd(fleet: Fleet, wentWell: (tenantId: string) => boolean): Promise<void> {
  for (let turns = 0; (await fleet.status()) === 'running'; turns += 1) {
    if (turns > 500) throw new Error('the rollout does not end');
    fleet.project();
    await fleet.pass();
    for (const tenantId of await fleet.open()) await fleet.answer(tenantId, wentWell(tenantId));
  }
  fleet.project();
}
const inState = (fleet: Fleet, state: string): string[] =>
  fleet
    .rows()
    .filter((row) => row.state === state)
    .map(({ tenantId }) => tenantId);

describe('a rollout over 300 tenants', () => {
  test('that all fail touches one in a hundred of them, and stops', async () => {
    const fleet = await createFleet([...standard(200), ...small(100)]);
    await fleet.plan();
    await runToEnd(fleet, () => false);
    expect(await fleet.status()).toBe('stopped');
    expect(fleet.asked().size).toBeLessThanOrEqual(3);
  });

  test('that fails after its canary is stopped in the middle of a wave', async () => {
    const fleet = await createFleet(standard(300));
    await fleet.plan({ concurrency: 5 });
    fleet.project();
    const canary = new Set(fleet.rows().flatMap(({ tenantId, wave }) => (wave === 0 ? [tenantId] : [])));
    await runToEnd(fleet, (tenantId) => canary.has(tenantId));
    expect(await fleet.status()).toBe('stopped');
    expect(fleet.asked().size).toBeLessThanOrEqual(canary.size + 5);
    expect(inState(fleet, 'waiting')).toHaveLength(300 - fleet.asked().size);
  });

  test('asks each of them once, the small ones of a server after their first, and is completed', async () => {
    const fleet = await createFleet([...standard(250), ...small(50)]);
    await fleet.plan({ concurrency: 100 });
    const early: string[] = [];
    await runToEnd(fleet, (tenantId) => {
      const first = inState(fleet, 'done').every((id) => !id.startsWith('small'));
      if (first && tenantId.startsWith('small')) early.push(tenantId);
      return true;
    });
    expect(await fleet.status()).toBe('completed');
    expect(early).toEqual(['small-pg-a-000']);
    expect(fleet.asked().size).toBe(300);
    expect([...fleet.asked().values()].every(({ length }) => length === 1)).toBe(true);
    expect(inState(fleet, 'done')).toHaveLength(300);
  });

  test('asks none of those whose schema could not be migrated, and goes on where that is allowed', async () => {
    const fleet = await createFleet([...small(10, 'pg-a:5432'), ...standard(90)]);
    await fleet.plan({ maxFailureShare: 0.5, canary: { tenants: ['standard-000'] } });
    await runToEnd(fleet, (tenantId) => !tenantId.startsWith('small'));
    expect(await fleet.status()).toBe('stopped');
    expect([...fleet.asked().keys()].filter((id) => id.startsWith('small'))).toEqual(['small-pg-a-000']);
  });
});

test('a pass that cannot ask a tenant says which', async () => {
  const fleet = await createFleet(standard(1));
  await fleet.plan();
  fleet.project();
  const failing = (boundary: string): void => {
    if (boundary === 'rollout:ask:before') throw new Error('no answer');
  };
  await expect(fleet.pass(undefined, failing)).rejects.toThrow('asking standard-000 failed: no answer');
});

test('whom an operator takes out of a rollout counts on neither side, and is done when its home comes to the version all the same', async () => {
  const fleet = await createFleet(standard(3));
  await fleet.plan({ canary: { tenants: ['standard-000', 'standard-001', 'standard-002'] } });
  fleet.project();
  await fleet.pass();
  const cancel = {
    type: 'CancelMigration',
    code: 'operator',
    reason: 'away',
    by: 'op-1',
    now: new Date().toISOString(),
  } as const;
  const answers = await fleet.answers('standard-001');
  for (const id of ['standard-000', 'standard-001']) await fleet.decide(id, cancel);
  await fleet.answer('standard-002', true);
  fleet.project();
  expect(fleet.rows()).toMatchObject([{ state: 'skipped', code: 'cancelled' }, { state: 'skipped' }, { state: 'done' }]);
  await fleet.pass();
  expect(await fleet.status()).toBe('completed');
  await answers(true);
  fleet.project();
  expect(inState(fleet, 'done')).toEqual(['standard-001', 'standard-002']);
});

describe('a server that does not answer', () => {
  const on = (server: string, members: Member[]): Member[] => members.map((each) => ({ ...each, server }));
  const members = [...on('pg-a:5432', named('here', 30)), ...on('pg-b:5432', named('away', 30))];
  /** The canary is done, and what is asked of `pg-b` from then on is not answered. */
  const begun = async (maxFailureShare: number) => {
    const fleet = await createFleet(members);
    await fleet.plan({ concurrency: 6, maxFailureShare, canary: { tenants: ['here-000'] } });
    return fleet;
  };
  const answerHere = async (fleet: Fleet): Promise<void> => {
    for (let turns = 0; turns < 100; turns += 1) {
      fleet.project();
      await fleet.pass();
      for (const id of await fleet.open()) if (id.startsWith('here')) await fleet.answer(id, true);
    }
  };

  test('keeps no more than its part of the concurrency, and the rollout goes on elsewhere', async () => {
    const fleet = await begun(0.5);
    await answerHere(fleet);
    expect(await fleet.status()).toBe('running');
    // Those of the first wave; the second begins when these have ended.
    const [, wave] = Map.groupBy(fleet.rows(), ({ wave: n }) => n).values();
    expect(wave?.filter(({ tenantId }) => tenantId.startsWith('here')).map(({ state }) => state)).not.toContain('waiting');
    expect((await fleet.open()).length).toBeLessThanOrEqual(3);
  });

  test('stops the rollout once what was asked of it has not ended in time, and has its time again when that is resumed', async () => {
    const fleet = await begun(0.05);
    await answerHere(fleet);
    fleet.later(59);
    await answerHere(fleet);
    expect(await fleet.status()).toBe('running');
    const open = await fleet.open();
    fleet.later(2);
    await answerHere(fleet);
    expect(await fleet.status()).toBe('stopped');
    expect(await fleet.open()).toEqual([]);
    expect(inState(fleet, 'failed')).toEqual(open);
    expect(fleet.rows().find(({ tenantId }) => tenantId === open[0])).toMatchObject({ code: 'not_ended_in_time' });
    await fleet.resume();
    await answerHere(fleet);
    expect(await fleet.status()).toBe('running');
    await runToEnd(fleet, () => true);
    expect(await fleet.status()).toBe('completed');
    expect(inState(fleet, 'done')).toHaveLength(60);
  });

  test('has its time anew for what was asked before the rollout was resumed', async () => {
    const fleet = await begun(0.05);
    await answerHere(fleet);
    const open = await fleet.open();
    await fleet.stop();
    fleet.later(600);
    await fleet.resume();
    await answerHere(fleet);
    expect(await fleet.open()).toEqual(open);
  });
});

describe('a rollout that was stopped', () => {
  test('asks only those who were being asked at that moment', async () => {
    const members = standard(60);
    const fleet = await createFleet(members);
    await fleet.plan({ canary: { tenants: members.map(({ tenantId }) => tenantId) }, concurrency: 50 });
    fleet.project();
    let stopping: Promise<unknown> | undefined;
    await fleet.pass(undefined, (boundary) => {
      if (boundary === 'rollout:ask:after') stopping ??= fleet.stop();
    });
    await stopping;
    expect(fleet.asked().size).toBe(16);
    await fleet.resume();
    await runToEnd(fleet, () => true);
    expect(await fleet.status()).toBe('completed');
    expect([...fleet.asked().values()].every(({ length }) => length === 1)).toBe(true);
  });

  test('asks those again that failed or were skipped, those that were not asked, and none that is done', async () => {
    const fleet = await createFleet(standard(40));
    await fleet.plan({ canary: { share: 0.25 }, maxFailureShare: 0.05, concurrency: 10 });
    await fleet.decide('standard-001', { type: 'SuspendTenant', reason: 'unpaid', by: 'op-1', now: new Date().toISOString() });
    await runToEnd(fleet, (tenantId) => tenantId < 'standard-008');
    expect(await fleet.status()).toBe('stopped');
    expect(inState(fleet, 'skipped')).toEqual(['standard-001']);
    const [done, failed] = [inState(fleet, 'done'), inState(fleet, 'failed')];
    expect([done.length, failed.length]).toEqual([7, 2]);
    await fleet.decide('standard-001', { type: 'ReactivateTenant', by: 'op-1', now: new Date().toISOString() });
    await fleet.resume();
    await runToEnd(fleet, () => true);
    expect(await fleet.status()).toBe('completed');
    expect(inState(fleet, 'done')).toHaveLength(40);
    const asked = fleet.asked();
    for (const id of done) expect(asked.get(id)).toHaveLength(1);
    for (const id of failed) expect(asked.get(id)).toHaveLength(2);
  });
});

type Turn =
  | { readonly do: 'pass'; readonly dying: string | undefined }
  | { readonly do: 'project'; readonly events: number }
  | { readonly do: 'answer'; readonly who: number; readonly wentWell: boolean }
  | { readonly do: 'suspend' | 'terminate'; readonly who: number }
  | { readonly do: 'stop' | 'resume' };

const who = fc.nat(29);
const turn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      dying: fc.option(fc.constantFrom(...ROLLOUT_BOUNDARIES), { nil: undefined }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('project' as const), events: fc.integer({ min: 1, max: 30 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('answer' as const), who, wentWell: fc.integer({ min: 0, max: 9 }).map((n) => n > 0) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('suspend' as const, 'terminate' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'resume' as const) }) },
);

test('whatever is answered, killed, late or changed meanwhile: never two open for one tenant, nobody asked twice in an attempt, and all end once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 20, maxLength: 120 }), async (turns) => {
      const members = [...standard(18), ...small(6), ...small(6, 'pg-b:5432')];
      const fleet = await createFleet(members);
      await fleet.plan({ concurrency: 6, maxFailureShare: 0.3 });
      const idAt = (n: number): string => members[n % members.length]?.tenantId ?? '';
      let resumes = 0;
      const take = async (each: Turn): Promise<void> => {
        const command = { reason: 'because', by: 'op-1', now: new Date().toISOString() };
        switch (each.do) {
          case 'pass':
            return fleet.pass(each.dying);
          case 'project':
            return fleet.project(each.events);
          case 'answer': {
            const open = await fleet.open();
            const tenantId = open[each.who % Math.max(1, open.length)];
            return tenantId === undefined ? undefined : fleet.answer(tenantId, each.wentWell);
          }
          case 'suspend':
            return void (await fleet.decide(idAt(each.who), { type: 'SuspendTenant', ...command }).catch(() => undefined));
          case 'terminate':
            return void (await fleet
              .decide(idAt(each.who), { type: 'TerminateTenant', dataRetentionDays: 30, ...command })
              .catch(() => undefined));
          case 'stop':
            return void (await fleet.stop().catch(() => undefined));
          case 'resume':
            return void (await fleet.resume().then(
              () => (resumes += 1),
              () => undefined,
            ));
          default:
            return each satisfies never;
        }
      };
      for (const each of turns) {
        await take(each);
        expect((await fleet.open()).length).toBeLessThanOrEqual(6);
      }
      // A rollout that is resumed as often as it stops, and meets no more trouble, comes to its end, or lacks its canary for ever.
      for (let n = 0; n < 20 && (await fleet.status()) !== 'completed'; n += 1) {
        if ((await fleet.status()) === 'stopped') {
          await fleet.resume();
          resumes += 1;
        }
        await runToEnd(fleet, () => true);
      }
      const lacksCanary = fleet.rows().every(({ wave, state }) => wave > 0 || state === 'skipped');
      expect(await fleet.status()).toBe(lacksCanary ? 'stopped' : 'completed');
      for (const [tenantId, ids] of fleet.asked()) {
        expect(new Set(ids).size, tenantId).toBe(ids.length);
        expect(ids.length, tenantId).toBeLessThanOrEqual(1 + resumes);
      }
      if (!lacksCanary) expect(fleet.rows().map(({ state }) => state)).not.toContain('waiting');
      expect(fleet.rows().map(({ state }) => state)).not.toContain('running');
      const done = new Set(inState(fleet, 'done'));
      const completed = fleet.log.filter(
        ({ type, data }) => type.startsWith('MigrationsCompleted') && JSON.stringify(data).includes('0004'),
      );
      expect(completed).toHaveLength(done.size);
    }),
    { numRuns: 25 },
  );
});
