import { messageByType, TIERS, TOPICS } from '@ultracore/contracts';
import { homeNames } from '@ultracore/tenant-database';
import { describe, expect, it } from 'vitest';
import { factOf, STEPS, UNDO_STEPS } from '../../provisioning/creation/steps.ts';
import { FACT_MESSAGES, factRecord, type Told } from './fact.ts';
import { factOfStep } from './fact-of-step.ts';

const TIME = '2026-01-01T00:00:00.000Z';
const REQUEST = '0b1a3c52-5d0e-4a53-9c3e-0f6d1d1b7f10';
const sealed = {
  db_username: 'uc_acme',
  db_password_encrypted: 'v1.k1.a.b.c',
  readonly_db_username: 'uc_acme__ro',
  readonly_db_password_encrypted: 'v1.k1.d.e.f',
  encryption_algorithm: 'AES-256-GCM',
  key_id: 'k1',
};
const told = (tier: Told['tier'], more: Partial<Told> = {}): Told => ({
  tier,
  names: homeNames('acme', tier),
  attempt: 2,
  sealed,
  failure: { step: 'migrate', code: 'migration_failed', reason: 'no such type', migrationVersion: '0002' },
  targetVersion: null,
  details: {},
  results: { migrate: { version: '0007', applied: 7, tablesCreated: 20 }, undo: { cleanedUp: true } },
  ...more,
});
const origin = { requestId: REQUEST, tenantId: 'acme', correlationId: undefined, traceparent: undefined };

describe.each(TIERS)('the facts of a %s tenant', (tier) => {
  it.each([...STEPS, ...UNDO_STEPS])('step %s tells what its message says, or nothing', (step) => {
    const fact = factOfStep('provision', step, told(tier), TIME);
    expect(fact?.type).toBe(factOf(step, tier));
    if (fact === undefined) return;
    const record = factRecord(origin, step, fact, TIME);
    expect(messageByType(fact.type).schema.safeParse(record.body).error).toBeUndefined();
    expect(FACT_MESSAGES).toContainEqual({ topic: TOPICS.facts('provisioning-worker'), type: fact.type });
    expect(record).toMatchObject({ key: 'acme', envelope: { causationId: REQUEST, tenantId: 'acme', correlationId: REQUEST } });
  });
});

it('names the place of a home by tier', () => {
  const started = (tier: Told['tier']) => factOfStep('provision', 'started', told(tier), TIME)?.fields;
  expect(started('enterprise')).toEqual({ db_name: 'ultracore_acme', attempt: 2, started_at: TIME });
  expect(started('standard')).toMatchObject({ db_name: 'ultracore_shared', schema_name: 'tenant_acme' });
  expect(started('small')).toMatchObject({ db_name: 'ultracore_shared', schema_name: 'app' });
});

it('gives a step one id a request, whenever and however often it is told, and another for another request', () => {
  const fact = factOfStep('provision', 'started', told('small'), TIME);
  if (fact === undefined) throw new Error('Started is told.');
  const id = (requestId: string, time: string) => factRecord({ ...origin, requestId }, 'started', fact, time).envelope.id;
  expect(id(REQUEST, TIME)).toBe(id(REQUEST, '2026-06-01T00:00:00.000Z'));
  expect(id(REQUEST, TIME)).not.toBe(id('11111111-1111-4111-8111-111111111111', TIME));
});

it('says what could not be cleaned up, and no version where none is known', () => {
  const left = told('small', { results: { undo: { cleanedUp: false } } });
  expect(factOfStep('provision', 'failed', left, TIME)?.fields).toMatchObject({ cleaned_up: false, attempt: 2, step: 'migrate' });
  const unknown = told('small', { failure: { step: 'migrate', code: 'unclear', reason: '' } });
  expect(factOfStep('provision', 'migrations_failed', unknown, TIME)?.fields).toMatchObject({
    migration_version: '0000',
    reason: 'no reason given',
  });
});

it('tells nothing too early', () => {
  expect(() => factOfStep('provision', 'credentials', told('small', { sealed: null }), TIME)).toThrow(TypeError);
  expect(() => factOfStep('provision', 'failed', told('small', { failure: null }), TIME)).toThrow(TypeError);
  expect(() => factOfStep('provision', 'completed', told('small', { results: {} }), TIME)).toThrow(/invalid/i);
});
