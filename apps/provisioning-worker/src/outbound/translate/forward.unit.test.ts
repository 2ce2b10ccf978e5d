import { messageByType, TIERS, TOPICS } from '@ultracore/contracts';
import { homeNames } from '@ultracore/tenant-database';
import { describe, expect, it } from 'vitest';
import { FORWARD_BOUNDARIES } from '../../provisioning/boundaries.ts';
import { MIGRATION } from '../../provisioning/migration/steps.ts';
import { PURGE } from '../../provisioning/purge/steps.ts';
import { REPLICA } from '../../provisioning/replica/steps.ts';
import { ROTATION } from '../../provisioning/rotation/steps.ts';
import { factOfStep } from './fact-of-step.ts';
import { FACT_MESSAGES, factRecord, type Told } from './fact.ts';

const TIME = '2026-01-01T00:00:00.000Z';
const REQUEST = '0b1a3c52-5d0e-4a53-9c3e-0f6d1d1b7f10';
const object = { kind: 'role', name: 'uc_acme', counted: { sessions_ended: 2 } };
const told = (tier: Told['tier'], more: Partial<Told> = {}): Told => ({
  tier,
  names: homeNames('acme', tier),
  attempt: 1,
  sealed: {
    db_username: 'uc_acme',
    db_password_encrypted: 'v1.k1.a.b.c',
    readonly_db_username: 'uc_acme__ro',
    readonly_db_password_encrypted: 'v1.k1.d.e.f',
    encryption_algorithm: 'AES-256-GCM',
    key_id: 'k1',
  },
  failure: { step: 'prove', code: 'left_over', reason: 'something is left' },
  targetVersion: '0008',
  details: { readonly_db_host: 'standby', readonly_db_port: 5432 },
  results: {
    close: { found: [object] },
    purge_failed: { remaining: [object] },
    upgrade: { version: '0008', applied: 8, tablesCreated: 20 },
  },
  ...more,
});

const TELLS: Readonly<Record<string, string>> = {
  'rotate credentials': 'TenantCredentialsIssuedEvent',
  'rotate rotated': 'TenantPasswordRotatedEvent',
  'rotate rotation_failed': 'TenantPasswordRotationFailedEvent',
  'purge purged': 'TenantDataPurgedEvent',
  'purge purge_failed': 'TenantPurgeFailedEvent',
  'migrate upgraded': 'TenantMigrationsCompletedEvent',
  'migrate upgrade_failed': 'TenantMigrationsFailedEvent',
  'verify_replica verified': 'TenantReadReplicaVerifiedEvent',
  'verify_replica rejected': 'TenantReadReplicaRejectedEvent',
};
const WORK = { rotate: ROTATION, purge: PURGE, migrate: MIGRATION, verify_replica: REPLICA } as const;
const cases = (['rotate', 'purge', 'migrate', 'verify_replica'] as const).flatMap((kind) =>
  [...WORK[kind].steps, WORK[kind].failed].map((step) => ({ kind, step })),
);

describe.each(TIERS)('the facts of a %s tenant', (tier) => {
  it.each(cases)('$kind: step $step tells what its message says, or nothing', ({ kind, step }) => {
    const fact = factOfStep(kind, step, told(tier), TIME);
    expect(fact?.type).toBe(TELLS[`${kind} ${step}`]);
    if (WORK[kind].steps.includes(step)) {
      expect(FORWARD_BOUNDARIES[kind][tier].includes(`${step}:fact`)).toBe(fact !== undefined);
    }
    if (fact === undefined) return;
    const origin = { requestId: REQUEST, tenantId: 'acme', correlationId: undefined, traceparent: undefined };
    const record = factRecord(origin, step, fact, TIME);
    expect(messageByType(fact.type).schema.safeParse(record.body).error).toBeUndefined();
    expect(FACT_MESSAGES).toContainEqual({ topic: TOPICS.facts('provisioning-worker'), type: fact.type });
  });
});

it('lists what was found before anything was removed, as much as one message may hold', () => {
  const many = Array.from({ length: 5000 }, () => object);
  const fact = factOfStep('purge', 'purged', told('small', { results: { close: { found: many } } }), TIME);
  expect(fact?.fields).toMatchObject({ removed: { length: 2000 } });
});

it('names the version that failed, or else the one that was asked for', () => {
  const failed = (failure: Told['failure']) => factOfStep('migrate', 'upgrade_failed', told('small', { failure }), TIME)?.fields;
  expect(failed({ step: 'upgrade', code: 'c', reason: 'r', migrationVersion: '0007' })).toMatchObject({
    migration_version: '0007',
  });
  expect(failed({ step: 'upgrade', code: 'c', reason: 'r' })).toMatchObject({ migration_version: '0008' });
});
