import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { active, at, broken, ended, provisioning, purged, suspended, suspension, termination } from './begun.ts';
import { factsOf, idOf, minutesLater } from './examples.ts';

const spec = deciderSpec(tenantDecider);
const stateOf = (history: readonly TenantEvent[]) => spec.given(history).state;

describe('a migration', () => {
  const command = (targetVersion: string) =>
    ({ type: 'MigrateTenant', requestId: idOf('migrate'), targetVersion, rolloutId: idOf('rollout'), ...at(5) }) as const;
  const requested: TenantEvent = {
    type: 'MigrationRequested',
    data: {
      requestId: idOf('migrate'),
      targetVersion: '0004',
      rolloutId: idOf('rollout'),
      requestedBy: 'op-1',
      requestedAt: minutesLater(5),
    },
  };
  const { migrated, migrationsFailed } = factsOf(idOf('migrate'));

  test('is asked of a tenant with a home, to another version, one at a time', () => {
    for (const history of [active, suspended]) spec.given(history).when(command('0004')).then([requested]);
    spec.given(active).when(command('0003')).thenRefused('already_migrated');
    spec
      .given([...active, requested])
      .when(command('0005'))
      .thenRefused('migration_open');
    for (const history of [provisioning, broken, ended, purged])
      spec.given(history).when(command('0004')).thenRefused('wrong_status');
  });

  test('leaves the version that the worker reached, or the one before when it failed', () => {
    const reached: TenantEvent = { ...migrated, data: { ...migrated.data, migrationVersion: '0004' } };
    expect(stateOf([...active, requested, reached])).toMatchObject({
      status: 'active',
      migrationVersion: '0004',
      requests: { migrate: { outcome: 'done' } },
    });
    expect(stateOf([...active, requested, migrationsFailed])).toMatchObject({
      migrationVersion: '0003',
      requests: { migrate: { outcome: 'failed' } },
    });
    expect(stateOf([...active, reached])).toMatchObject({ migrationVersion: '0003' });
  });

  const cancel = { type: 'CancelMigration', code: 'operator', reason: 'its server is away', ...at(6) } as const;
  const cancelled: TenantEvent = {
    type: 'MigrationCancelled',
    data: {
      requestId: idOf('migrate'),
      code: 'operator',
      reason: 'its server is away',
      cancelledBy: 'op-1',
      cancelledAt: minutesLater(6),
    },
  };

  test('is given up while it is open, and only the one that is meant; then another may be asked', () => {
    for (const history of [
      active,
      [...active, requested, migrated],
      [...active, requested, cancelled],
      [...active, requested, termination],
    ])
      spec.given(history).when(cancel).thenRefused('no_migration_open');
    spec
      .given([...active, requested])
      .when({ ...cancel, only: idOf('another') })
      .thenRefused('no_migration_open');
    for (const only of [{}, { only: idOf('migrate') }])
      spec
        .given([...active, requested])
        .when({ ...cancel, ...only })
        .then([cancelled]);
    spec
      .given([...active, requested, cancelled])
      .when(command('0004'))
      .then([requested]);
    expect(stateOf([...active, requested, suspension, cancelled])).toMatchObject({
      status: 'suspended',
      migrationVersion: '0003',
      requests: { migrate: { outcome: 'cancelled' } },
    });
  });

  test('that was given up and comes to its end all the same is done, unless another was asked or the tenant is terminated', () => {
    const reached: TenantEvent = { ...migrated, data: { ...migrated.data, migrationVersion: '0004' } };
    const late = [...active, requested, cancelled];
    expect(stateOf([...late, reached])).toMatchObject({ migrationVersion: '0004', requests: { migrate: { outcome: 'done' } } });
    expect(stateOf([...late, migrationsFailed])).toMatchObject({ requests: { migrate: { outcome: 'cancelled' } } });
    expect(stateOf([...late, termination, reached])).toMatchObject({ migrationVersion: '0003' });
    const again: TenantEvent = { ...requested, data: { ...requested.data, requestId: idOf('again') } };
    expect(stateOf([...late, again, reached])).toMatchObject({
      migrationVersion: '0003',
      requests: { migrate: { id: idOf('again'), outcome: 'open' } },
    });
  });
});
