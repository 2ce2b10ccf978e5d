import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import type { SettingsCommand } from '../../src/tenant/commands.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { active, at, broken, ended, provisioning, purged, suspended } from './begun.ts';
import { minutesLater } from './examples.ts';

const spec = deciderSpec(tenantDecider);
const reason = 'because';

describe('configure', () => {
  const configure = (...changes: Extract<SettingsCommand, { type: 'ConfigureTenant' }>['changes']) =>
    ({ type: 'ConfigureTenant', changes, ...at(3) }) as const;

  test('is an event for each key that changes, with what it was, and none for the others', () => {
    const changed = { updatedBy: 'op-1', updatedAt: minutesLater(3) };
    const events: TenantEvent[] = [
      { type: 'ConfigUpdated', data: { key: 'timezone', oldValue: 'UTC', newValue: 'Asia/Tokyo', ...changed } },
      { type: 'ConfigUpdated', data: { key: 'tenant_name', oldValue: 'Standard Wealth GmbH', newValue: 'New', ...changed } },
      { type: 'ConfigUpdated', data: { key: 'auto_scale', oldValue: false, newValue: true, ...changed } },
    ];
    spec
      .given(active)
      .when(
        configure(
          { key: 'timezone', value: 'Asia/Tokyo' },
          { key: 'locale', value: 'en_US' },
          { key: 'tenant_name', value: 'New' },
          { key: 'auto_scale', value: true },
        ),
      )
      .then(events);
    expect(spec.given([...active, ...events]).state).toMatchObject({
      tenantName: 'New',
      settings: { timezone: 'Asia/Tokyo', autoScale: true, locale: 'en_US' },
      decidedRevision: active.length + 2,
    });
  });

  test('is refused when nothing would change', () => {
    spec
      .given(active)
      .when(configure({ key: 'max_memory_mb', value: 2048 }))
      .thenRefused('unchanged');
  });
});

describe('the pool', () => {
  const resize = (minConnections: number, maxConnections: number, connectionBudget: number | null = 90) =>
    ({ type: 'ResizePool', minConnections, maxConnections, reason, connectionBudget, ...at(3) }) as const;

  test('is resized within its server, with what it was', () => {
    const resized: TenantEvent = {
      type: 'ConnectionPoolResized',
      data: {
        oldMinConnections: 5,
        newMinConnections: 10,
        oldMaxConnections: 20,
        newMaxConnections: 90,
        reason,
        resizedBy: 'op-1',
        resizedAt: minutesLater(3),
      },
    };
    spec.given(active).when(resize(10, 90)).then([resized]);
    expect(spec.given([...active, resized]).state).toMatchObject({ settings: { minConnections: 10, maxConnections: 90 } });
  });

  test('is refused when it makes no sense, is too large, or is so already', () => {
    spec.given(active).when(resize(11, 10)).thenRefused('min_over_max');
    spec.given(active).when(resize(10, 91)).thenRefused('over_server_budget');
    spec.given(active).when(resize(5, 20)).thenRefused('unchanged');
    expect(tenantDecider.decide(resize(10, 4_000, null), spec.given(active).state)).toHaveLength(1);
  });
});

describe('scaling', () => {
  const scale = (resourceType: 'cpu' | 'memory' | 'connections', newLimit: number) =>
    ({ type: 'ScaleTenant', resourceType, newLimit, reason, recommendationId: null, connectionBudget: 90, ...at(3) }) as const;
  const scaled = (type: 'ScaledUp' | 'ScaledDown', oldLimit: number, newLimit: number): TenantEvent => ({
    type,
    data: { resourceType: 'memory', oldLimit, newLimit, reason, recommendationId: null, scaledAt: minutesLater(3) },
  });

  test('is up or down, and moves the limit of its resource', () => {
    spec
      .given(active)
      .when(scale('memory', 4096))
      .then([scaled('ScaledUp', 2048, 4096)]);
    spec
      .given(active)
      .when(scale('memory', 1024))
      .then([scaled('ScaledDown', 2048, 1024)]);
    expect(spec.given([...active, scaled('ScaledDown', 2048, 1024)]).state).toMatchObject({ settings: { maxMemoryMb: 1024 } });
  });

  test('of connections keeps the pool possible', () => {
    spec.given(active).when(scale('connections', 4)).thenRefused('min_over_max');
    spec.given(active).when(scale('connections', 91)).thenRefused('over_server_budget');
    spec.given(active).when(scale('cpu', 80)).thenRefused('unchanged');
  });
});

describe('access', () => {
  const grant = (userId: string, role: 'analyst' | 'owner') => ({ type: 'GrantAccess', userId, role, ...at(3) }) as const;
  const revoke = (userId: string) => ({ type: 'RevokeAccess', userId, ...at(4) }) as const;
  const granted = (userId: string, role: 'analyst' | 'owner'): TenantEvent => ({
    type: 'AccessGranted',
    data: { userId, role, grantedBy: 'op-1', grantedAt: minutesLater(3) },
  });
  const revoked = (userId: string, role: 'analyst' | 'owner'): TenantEvent => ({
    type: 'AccessRevoked',
    data: { userId, role, revokedBy: 'op-1', revokedAt: minutesLater(4) },
  });

  test('is given in one role a user, replaced by another, and taken away with the role it was', () => {
    spec
      .given(active)
      .when(grant('eve', 'analyst'))
      .then([granted('eve', 'analyst')]);
    const given = [...active, granted('eve', 'analyst')];
    spec.given(given).when(grant('eve', 'analyst')).thenRefused('already_granted');
    spec
      .given(given)
      .when(grant('eve', 'owner'))
      .then([granted('eve', 'owner')]);
    expect(spec.given([...given, granted('eve', 'owner')]).state).toMatchObject({ grants: [{ userId: 'eve', role: 'owner' }] });
    spec
      .given(given)
      .when(revoke('eve'))
      .then([revoked('eve', 'analyst')]);
    spec.given(given).when(revoke('ada')).thenRefused('not_granted');
    expect(spec.given([...given, revoked('eve', 'analyst')]).state).toMatchObject({ grants: [] });
  });

  test('is given to as many as a directory row can carry', () => {
    const full = [
      ...active,
      ...Array.from({ length: 5_000 }, (_, n) => granted(`user-${n}`, 'analyst')),
      revoked('user-8', 'analyst'),
    ];
    spec.given(full).when(grant('one-more', 'analyst')).thenRefused('too_many_grants');
    for (const user of ['user-7', 'user-8']) {
      spec
        .given(full)
        .when(grant(user, 'owner'))
        .then([granted(user, 'owner')]);
    }
  });

  test('that was taken away is remembered, until it is given again', () => {
    const given = [...active, granted('eve', 'analyst'), granted('ada', 'owner'), revoked('eve', 'analyst')];
    expect(spec.given(given).state).toMatchObject({ grants: [{ userId: 'ada' }], revokedUsers: ['eve'] });
    const again = [...given, granted('eve', 'owner')];
    expect(spec.given(again).state).toMatchObject({ grants: [{ userId: 'ada' }, { userId: 'eve' }], revokedUsers: [] });
  });
});

describe('what a tenant may use', () => {
  const commands: SettingsCommand[] = [
    { type: 'ConfigureTenant', changes: [{ key: 'timezone', value: 'Asia/Tokyo' }], ...at(3) },
    { type: 'ResizePool', minConnections: 1, maxConnections: 2, reason, connectionBudget: null, ...at(3) },
    {
      type: 'ScaleTenant',
      resourceType: 'cpu',
      newLimit: 50,
      reason,
      recommendationId: null,
      connectionBudget: null,
      ...at(3),
    },
    { type: 'GrantAccess', userId: 'eve', role: 'analyst', ...at(3) },
  ];

  test('can be changed from its creation on, also while it is suspended', () => {
    for (const command of commands) {
      for (const history of [provisioning, active, suspended]) {
        expect(tenantDecider.decide(command, spec.given(history).state)).toHaveLength(1);
      }
    }
  });

  test('cannot be changed when it has no home and will have none', () => {
    for (const command of commands) {
      for (const history of [broken, ended, purged]) spec.given(history).when(command).thenRefused('wrong_status');
      spec.given([]).when(command).thenRefused('tenant_not_found');
    }
  });

  test('is changed only as the caller saw it, when it says what it saw', () => {
    const decided = active.length - 1;
    for (const command of commands) {
      spec
        .given(active)
        .when({ ...command, ifMatch: decided - 1 })
        .thenRefused('precondition_failed');
      expect(tenantDecider.decide({ ...command, ifMatch: decided }, spec.given(active).state)).toHaveLength(1);
    }
  });
});
