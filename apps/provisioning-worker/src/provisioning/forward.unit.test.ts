import { describe, expect, it } from 'vitest';
import { MIGRATION, MIGRATION_STEPS } from './migration/steps.ts';
import { decide, PLANS } from './plan.ts';
import { PURGE, PURGE_STEPS } from './purge/steps.ts';
import { REPLICA, REPLICA_STEPS } from './replica/steps.ts';
import { ROTATION, ROTATION_STEPS } from './rotation/steps.ts';
import type { Decision, Failure, ItemState, Situation, WantedTenant, WorkKind } from './situation.ts';

const REQUEST = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';
const HOME = '33333333-3333-4333-8333-333333333333';

type Kind = Exclude<WorkKind, 'provision'>;
type Answer = 'open' | 'done' | 'failed' | 'cancelled';

const rowWith = (
  kind: Kind,
  request: { id: string; outcome: Answer } | null,
  more: Partial<WantedTenant> = {},
): WantedTenant => ({
  tenant_id: 'acme-bank',
  tier: 'standard',
  status: 'active',
  revision: 7,
  home_request_id: HOME,
  max_connections: 20,
  credential: { request_id: HOME },
  next_credential: kind === 'rotate' ? { request_id: REQUEST } : null,
  ...more,
  requests: { provision: null, rotate: null, purge: null, migrate: null, verify_replica: null, [kind]: request },
});

const situation = (
  kind: Kind,
  parts: { state?: ItemState; failure?: Failure; row?: WantedTenant | null; closed?: readonly string[] } = {},
): Situation => ({
  item: {
    requestId: REQUEST,
    tenantId: 'acme-bank',
    kind,
    revision: 5,
    state: parts.state ?? 'open',
    failure: parts.failure ?? null,
  },
  row: parts.row === undefined ? rowWith(kind, { id: REQUEST, outcome: 'open' }) : parts.row,
  closed: new Set(parts.closed),
});

const walk = (start: Situation): Decision[] => {
  const closed = new Set(start.closed);
  const path: Decision[] = [];
  for (;;) {
    const decision = decide({ ...start, closed });
    path.push(decision);
    if (decision.do !== 'step' && decision.do !== 'undo') return path;
    closed.add(decision.step);
    expect(path.length).toBeLessThan(20);
  }
};

const KINDS = [
  { kind: 'rotate', steps: ROTATION_STEPS, failed: ROTATION.failed },
  { kind: 'purge', steps: PURGE_STEPS, failed: PURGE.failed },
  { kind: 'migrate', steps: MIGRATION_STEPS, failed: MIGRATION.failed },
  { kind: 'verify_replica', steps: REPLICA_STEPS, failed: REPLICA.failed },
] as const;

it('a replica that may only be behind is rejected in the end; no other trouble that passes rejects it', () => {
  const { passingTries } = PLANS.verify_replica;
  for (const code of ['unreachable', 'login_refused', 'home_not_found']) expect(passingTries?.(code)).toBeLessThan(20);
  expect(passingTries?.('pg_53300')).toBe(Infinity);
});

describe.each(KINDS)('work of kind $kind', ({ kind, steps, failed }) => {
  const prefixes = [...steps.keys()].map((index): readonly string[] => steps.slice(0, index)).concat([steps]);
  const states = ['open', 'undo', 'sent'] as const;
  const everywhere = states.flatMap((state) => prefixes.map((closed) => ({ state, closed })));

  it('takes every step once, in order, and then waits for the answer', () => {
    expect(walk(situation(kind))).toEqual([...steps.map((step) => ({ do: 'step', step })), { do: 'wait' }]);
    expect(decide(situation(kind, { state: 'sent', closed: steps }))).toEqual({ do: 'wait' });
  });

  it('goes on after any crash with the first step that is not closed', () => {
    for (const [index, step] of steps.entries()) {
      expect(decide(situation(kind, { closed: steps.slice(0, index) }))).toEqual({ do: 'step', step });
    }
  });

  it.each(['done', 'failed', 'cancelled'] as const)(
    'that is %s in the directory is closed as it is, wherever it stands',
    (outcome) => {
      for (const where of everywhere) {
        const row = rowWith(kind, { id: REQUEST, outcome });
        if (kind === 'migrate' && outcome === 'cancelled' && where.state === 'open' && where.closed.length === 1) continue;
        expect(decide(situation(kind, { ...where, row }))).toEqual({ do: 'close', outcome });
      }
    },
  );

  it('that the directory does not name (forged, of an earlier life, overtaken) does nothing', () => {
    for (const where of everywhere) {
      for (const request of [null, { id: OTHER, outcome: 'open' as const }]) {
        const decision = decide(situation(kind, { ...where, row: rowWith(kind, request) }));
        expect(decision).toEqual({ do: 'close', outcome: 'superseded' });
      }
    }
  });

  it('does nothing before the directory has reached the event that asks', () => {
    for (const where of everywhere) {
      expect(decide(situation(kind, { ...where, row: null }))).toEqual({ do: 'wait' });
      const early = rowWith(kind, { id: REQUEST, outcome: 'open' }, { revision: 4 });
      expect(decide(situation(kind, { ...where, row: early }))).toEqual({ do: 'wait' });
    }
  });

  it('that failed tells so once, undoes nothing, and is closed', () => {
    const failure: Failure = { step: steps[0], code: 'unclear', reason: 'why' };
    for (const closed of prefixes) {
      const path = walk(situation(kind, { state: 'undo', failure, closed }));
      expect(path).toEqual([
        { do: 'undo', step: failed },
        { do: 'close', outcome: 'failed' },
      ]);
    }
  });
});

describe('a rotation', () => {
  const told = { closed: ['check', 'credentials'] };

  it('sets no password before the directory shows the next credential', () => {
    const open = { id: REQUEST, outcome: 'open' } as const;
    for (const next_credential of [null, { request_id: OTHER }]) {
      const row = rowWith('rotate', open, { next_credential });
      expect(decide(situation('rotate', { ...told, row }))).toEqual({ do: 'wait' });
    }
    expect(decide(situation('rotate', told))).toEqual({ do: 'step', step: 'passwords' });
  });

  it('goes on where the directory shows the credential as the one in force already', () => {
    const shown = { next_credential: null, credential: { request_id: REQUEST } };
    const row = rowWith('rotate', { id: REQUEST, outcome: 'open' }, shown);
    expect(decide(situation('rotate', { ...told, row }))).toEqual({ do: 'step', step: 'passwords' });
  });
});

describe('a migration', () => {
  it('that was cancelled once the home had it tells so before it is closed; one that had not begun does not', () => {
    const row = rowWith('migrate', { id: REQUEST, outcome: 'cancelled' });
    const close = { do: 'close', outcome: 'cancelled' };
    expect(walk(situation('migrate', { row, closed: ['upgrade'] }))).toEqual([{ do: 'step', step: 'upgraded' }, close]);
    expect(walk(situation('migrate', { row }))).toEqual([close]);
  });
});
