import { describe, expect, it } from 'vitest';
import type { Decision, Failure, ItemState, Situation, WantedTenant } from '../situation.ts';
import { decideCreation as decide } from './decide.ts';
import { STEPS } from './steps.ts';

const REQUEST = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

type Outcome = 'open' | 'done' | 'failed' | 'cancelled';

const rowWith = (provision: { id: string; outcome: Outcome } | null, more: Partial<WantedTenant> = {}): WantedTenant => ({
  tenant_id: 'acme-bank',
  tier: 'standard',
  status: 'provisioning',
  revision: 7,
  home_request_id: null,
  max_connections: 20,
  credential: null,
  next_credential: null,
  requests: {
    provision: provision === null ? null : { ...provision, attempt: 1 },
    rotate: null,
    purge: null,
    migrate: null,
    verify_replica: null,
  },
  ...more,
});

const situation = (parts: {
  state?: ItemState;
  failure?: Failure | null;
  row?: WantedTenant | null;
  closed?: readonly string[];
}): Situation => ({
  item: {
    requestId: REQUEST,
    tenantId: 'acme-bank',
    kind: 'provision',
    revision: 5,
    state: parts.state ?? 'open',
    failure: parts.failure ?? null,
  },
  row: parts.row === undefined ? rowWith({ id: REQUEST, outcome: 'open' }) : parts.row,
  closed: new Set(parts.closed ?? []),
});

const migrateFailed: Failure = { step: 'migrate', code: 'pg_42601', reason: 'syntax error', migrationVersion: '0002' };
const homeFailed: Failure = { step: 'home', code: 'home_of_another', reason: 'taken' };

/** Closes whatever step is decided until something else is decided. */
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
const stepsOf = (path: readonly Decision[]): string[] =>
  path.flatMap((each) => (each.do === 'step' || each.do === 'undo' ? [each.step] : []));

describe('a creation that goes well', () => {
  it('takes every step once, in order, and then waits for the answer', () => {
    const path = walk(situation({}));
    expect(stepsOf(path)).toEqual([...STEPS]);
    expect(path.at(-1)).toEqual({ do: 'wait' });
  });

  it.each(STEPS.map((_, index) => index))(
    'goes on after any crash with the first step that is not closed (%i closed)',
    (count) => {
      expect(decide(situation({ closed: STEPS.slice(0, count) }))).toEqual({ do: 'step', step: STEPS[count] });
    },
  );

  it('makes nothing once its item is sent', () => {
    expect(decide(situation({ state: 'sent', closed: STEPS }))).toEqual({ do: 'wait' });
  });
});

describe('the registry has the last word', () => {
  const states: ItemState[] = ['open', 'undo', 'sent'];
  const prefixes = STEPS.map((_, index) => STEPS.slice(0, index)).concat([[...STEPS]]);
  const everywhere = states.flatMap((state) =>
    [null, homeFailed, migrateFailed].flatMap((failure) => prefixes.map((closed) => ({ state, failure, closed }))),
  );

  it('a request that is done is closed and never undone, wherever the item stands', () => {
    for (const where of everywhere) {
      expect(decide(situation({ ...where, row: rowWith({ id: REQUEST, outcome: 'done' }) }))).toEqual({
        do: 'close',
        outcome: 'done',
      });
    }
  });

  it('the home of a tenant stays when a later request is the last one', () => {
    const row = rowWith({ id: OTHER, outcome: 'failed' }, { home_request_id: REQUEST });
    for (const where of everywhere) expect(decide(situation({ ...where, row }))).toEqual({ do: 'close', outcome: 'done' });
  });

  it.each(['failed', 'cancelled'] as const)(
    'a request that is %s is undone once and closed, wherever the item stands',
    (outcome) => {
      for (const where of everywhere) {
        const path = walk(situation({ ...where, row: rowWith({ id: REQUEST, outcome }) }));
        expect(path).toEqual([
          { do: 'undo', step: 'undo' },
          { do: 'close', outcome },
        ]);
      }
    },
  );

  it('a request that another has replaced is undone once and closed, wherever the item stands', () => {
    for (const where of everywhere) {
      const path = walk(situation({ ...where, row: rowWith({ id: OTHER, outcome: 'open' }) }));
      expect(path).toEqual([
        { do: 'undo', step: 'undo' },
        { do: 'close', outcome: 'superseded' },
      ]);
    }
  });

  it('nothing is done before the directory has reached the event that asks', () => {
    for (const where of everywhere) {
      expect(decide(situation({ ...where, row: null }))).toEqual({ do: 'wait' });
      expect(decide(situation({ ...where, row: rowWith({ id: OTHER, outcome: 'open' }, { revision: 4 }) }))).toEqual({
        do: 'wait',
      });
    }
  });
});

describe('a forged event', () => {
  it('makes nothing where the tenant has no row', () => {
    expect(decide(situation({ row: null }))).toEqual({ do: 'wait' });
  });

  it('makes nothing where the row names another request', () => {
    expect(stepsOf(walk(situation({ row: rowWith({ id: OTHER, outcome: 'open' }) })))).toEqual(['undo']);
    expect(stepsOf(walk(situation({ row: rowWith(null) })))).toEqual(['undo']);
  });
});

describe('a creation that fails here', () => {
  it('is undone before the failure is told', () => {
    const path = walk(situation({ state: 'undo', failure: homeFailed, closed: ['started', 'credentials'] }));
    expect(stepsOf(path)).toEqual(['undo', 'failed']);
    expect(path.at(-1)).toEqual({ do: 'close', outcome: 'failed' });
  });

  it('tells of failed migrations before anything is undone', () => {
    const path = walk(situation({ state: 'undo', failure: migrateFailed, closed: ['started', 'credentials', 'home'] }));
    expect(stepsOf(path)).toEqual(['migrations_failed', 'undo', 'failed']);
  });

  it('takes no further step of the creation, whatever is closed', () => {
    for (const count of STEPS.keys()) {
      const steps = stepsOf(walk(situation({ state: 'undo', failure: homeFailed, closed: STEPS.slice(0, count) })));
      expect(steps).toEqual(['undo', 'failed']);
    }
  });

  it('goes on after a crash where it was', () => {
    const at = (closed: string[]): Decision => decide(situation({ state: 'undo', failure: migrateFailed, closed }));
    expect(at(['started', 'migrations_failed'])).toEqual({ do: 'undo', step: 'undo' });
    expect(at(['started', 'migrations_failed', 'undo'])).toEqual({ do: 'undo', step: 'failed' });
    expect(at(['started', 'migrations_failed', 'undo', 'failed'])).toEqual({ do: 'close', outcome: 'failed' });
  });
});
