import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import {
  active,
  at,
  broken,
  ended,
  endedEarly,
  provisioning,
  purged,
  purgeRequested,
  suspended,
  suspension,
  termination,
} from './begun.ts';
import { createCommand, created, credentialOf, factsOf, idOf, minutesLater } from './examples.ts';

const spec = deciderSpec(tenantDecider);

describe('suspend', () => {
  const command = { type: 'SuspendTenant', reason: 'unpaid', ...at(3) } as const;

  test('an active tenant, and only that, with who and why', () => {
    spec.given(active).when(command).then([suspension]);
    expect(spec.given(suspended).state).toMatchObject({ status: 'suspended', reason: 'unpaid', suspendedAt: minutesLater(3) });
  });

  test('is refused in every other status', () => {
    spec.given([]).when(command).thenRefused('tenant_not_found');
    spec.given(suspended).when(command).thenRefused('already_suspended');
    for (const history of [provisioning, broken, ended, endedEarly, purged])
      spec.given(history).when(command).thenRefused('not_active');
  });
});

describe('reactivate', () => {
  const command = { type: 'ReactivateTenant', ...at(4) } as const;
  const reactivation: TenantEvent = {
    type: 'TenantReactivated',
    data: { reactivatedBy: 'op-1', reactivatedAt: minutesLater(4) },
  };

  test('leaves a suspended tenant as it was before, home and credential included', () => {
    spec.given(suspended).when(command).then([reactivation]);
    const { state } = spec.given([...suspended, reactivation]);
    expect(state).toMatchObject({ status: 'active', credential: credentialOf(idOf('creation')), migrationVersion: '0003' });
    expect(state).not.toHaveProperty('reason');
  });

  test('is refused for every other tenant', () => {
    for (const history of [provisioning, active, broken, ended, purged])
      spec.given(history).when(command).thenRefused('not_suspended');
  });
});

describe('terminate', () => {
  const command = { type: 'TerminateTenant', reason: 'over', dataRetentionDays: 1, ...at(10) } as const;

  test('keeps the data of one that was active for as long as is said', () => {
    for (const history of [active, suspended]) spec.given(history).when(command).then([termination]);
    expect(spec.given(ended).state).toMatchObject({
      status: 'terminated',
      purgeAfter: minutesLater(10 + 24 * 60),
      credential: credentialOf(idOf('creation')),
    });
  });

  test('has nothing to keep of one that never was: its purge is due at once', () => {
    for (const history of [[created], provisioning, broken]) {
      spec
        .given(history)
        .when(command)
        .then([
          {
            type: 'TenantTerminated',
            data: {
              reason: 'over',
              terminatedBy: 'op-1',
              terminatedAt: minutesLater(10),
              dataRetentionDays: 0,
              purgeAfter: minutesLater(10),
            },
          },
        ]);
    }
  });

  test('cancels whatever is asked of the worker and not done', () => {
    const asked = { requestedBy: 'op-1', requestedAt: minutesLater(5) };
    const { state } = spec.given([
      ...active,
      { type: 'PasswordRotationRequested', data: { requestId: idOf('rotate'), reason: 'x', ...asked } },
      { type: 'CredentialsIssued', data: factsOf(idOf('rotate')).issued.data },
      {
        type: 'MigrationRequested',
        data: { requestId: idOf('migrate'), targetVersion: '0004', rolloutId: idOf('rollout'), ...asked },
      },
      { type: 'ReadReplicaRequested', data: { requestId: idOf('replica'), host: '10.0.0.2', port: 5433, ...asked } },
      termination,
    ]);
    expect(state).toMatchObject({
      nextCredential: null,
      requests: {
        rotate: { outcome: 'cancelled' },
        migrate: { outcome: 'cancelled' },
        verifyReplica: { outcome: 'cancelled' },
        purge: null,
      },
    });
  });

  test('is refused for one that has ended', () => {
    spec.given(ended).when(command).thenRefused('already_terminated');
    spec.given(endedEarly).when(command).thenRefused('already_terminated');
    spec.given(purged).when(command).thenRefused('already_purged');
  });
});

describe('a legal hold', () => {
  const place = { type: 'PlaceLegalHold', reason: 'court', ...at(11) } as const;
  const release = { type: 'ReleaseLegalHold', reason: 'settled', ...at(12) } as const;
  const placed: TenantEvent = {
    type: 'LegalHoldPlaced',
    data: { reason: 'court', placedBy: 'op-1', placedAt: minutesLater(11) },
  };
  const released: TenantEvent = {
    type: 'LegalHoldReleased',
    data: { reason: 'settled', releasedBy: 'op-1', releasedAt: minutesLater(12) },
  };

  test('is placed in any status but purged, and released once', () => {
    for (const history of [provisioning, active, suspended, broken, ended]) {
      spec.given(history).when(place).then([placed]);
      spec
        .given([...history, placed])
        .when(place)
        .thenRefused('already_held');
      spec
        .given([...history, placed])
        .when(release)
        .then([released]);
      spec.given(history).when(release).thenRefused('not_held');
    }
    spec.given(purged).when(place).thenRefused('already_purged');
  });

  test('comes too late once the purge was asked for, and in time again when that failed', () => {
    spec
      .given([...ended, purgeRequested])
      .when(place)
      .thenRefused('purge_open');
    spec
      .given([...ended, purgeRequested, factsOf(idOf('purge')).purgeFailed])
      .when(place)
      .then([placed]);
  });

  test('outlives suspension and termination', () => {
    expect(spec.given([...active, placed, suspension, termination]).state).toMatchObject({ legalHold: true });
  });
});

describe('creation after a purge', () => {
  test('is the next life of the same stream, and knows nothing of the one before', () => {
    const again = { ...createCommand, requestId: idOf('again'), tenantName: 'Another', now: minutesLater(60) };
    const { placement, settings, now, type: _, ...rest } = again;
    const next: TenantEvent = {
      type: 'TenantCreated',
      data: { ...rest, dbHost: placement.host, dbPort: placement.port, settings, createdAt: now },
    };
    spec.given(purged).when(again).then([next]);
    expect(spec.given([...purged, next]).state).toMatchObject({
      status: 'provisioning',
      life: 2,
      revision: purged.length,
      tenantName: 'Another',
      grants: [],
      revokedUsers: [],
      home: null,
      nextCredential: null,
      requests: { purge: null, rotate: null, migrate: null, verifyReplica: null },
    });
  });

  test('is not changed by what is still said of the life before', () => {
    if (created.type !== 'TenantCreated') throw new Error('not a creation');
    const again: TenantEvent = { ...created, data: { ...created.data, requestId: idOf('again') } };
    const begun = [...purged, again];
    const { state } = spec.given(begun);
    for (const fact of Object.values(factsOf(idOf('creation')))) {
      expect(spec.given([...begun, fact]).state).toEqual({ ...state, revision: begun.length });
    }
  });
});
