import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { rotationFrom, waitOf } from '../../src/tenant/waiting.ts';
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
import { credentialOf, factsOf, idOf, minutesLater, record } from './examples.ts';

const spec = deciderSpec(tenantDecider);
const stateOf = (history: readonly TenantEvent[]) => {
  const { state } = spec.given(history);
  if (state.status === 'none') throw new Error('there is no tenant');
  return state;
};
const asked = (minutes: number) => ({ requestedBy: 'op-1', requestedAt: minutesLater(minutes) });
const DAY = 24 * 60;

describe('a purge', () => {
  const purge = (minutes: number, early = false) =>
    ({ type: 'PurgeTenant', requestId: idOf('purge'), reason: 'over', early, ...at(minutes) }) as const;
  const { purged: done, purgeFailed: failed } = factsOf(idOf('purge'));
  const held: TenantEvent = { type: 'LegalHoldPlaced', data: { reason: 'x', placedBy: 'op-1', placedAt: minutesLater(11) } };

  test('is asked for when the retention has passed, not a moment earlier unless that is confirmed', () => {
    spec
      .given(ended)
      .when(purge(9 + DAY))
      .thenRefused('purge_not_due');
    spec.given(ended).when(purge(20, true)).then([purgeRequested]);
    spec
      .given(ended)
      .when(purge(10 + DAY))
      .then([{ type: 'PurgeRequested', data: { requestId: idOf('purge'), reason: 'over', ...asked(10 + DAY) } }]);
    spec.given(endedEarly).when(purge(20)).then([purgeRequested]);
  });

  test('is refused for what is not terminated, held, being purged, or gone', () => {
    for (const history of [provisioning, active, suspended, broken])
      spec.given(history).when(purge(20)).thenRefused('not_terminated');
    spec
      .given([...ended, held])
      .when(purge(20, true))
      .thenRefused('legal_hold');
    spec
      .given([...ended, purgeRequested])
      .when(purge(20, true))
      .thenRefused('purge_open');
    spec.given(purged).when(purge(20)).thenRefused('already_purged');
  });

  test('that is done leaves nothing but the history', () => {
    const state = stateOf(purged);
    expect(state).toMatchObject({ status: 'purged', grants: [], replica: null, requests: { purge: { outcome: 'done' } } });
    for (const gone of ['home', 'credential', 'nextCredential']) expect(state).not.toHaveProperty(gone);
  });

  test('that failed leaves the tenant terminated, and can be asked for again', () => {
    const history = [...ended, purgeRequested, failed];
    expect(stateOf(history)).toMatchObject({ status: 'terminated', requests: { purge: { outcome: 'failed' } } });
    spec.given(history).when(purge(20, true)).then([purgeRequested]);
  });

  test('is not done by a fact about another request, nor twice', () => {
    const other = factsOf(idOf('other')).purged;
    expect(stateOf([...ended, purgeRequested, other]).status).toBe('terminated');
    expect(stateOf([...ended, done]).status).toBe('terminated');
    expect(stateOf([...purged, done, failed]).status).toBe('purged');
  });

  test('falls due by itself after the retention unless held or asked for, and a day after a failure', () => {
    expect(waitOf(stateOf(ended)).purgeFrom).toBe(minutesLater(10 + DAY));
    expect(waitOf(stateOf(endedEarly)).purgeFrom).toBe(minutesLater(1));
    for (const history of [active, [...ended, held], [...ended, purgeRequested], purged]) {
      expect(waitOf(stateOf(history)).purgeFrom).toBeNull();
    }
    expect(waitOf(stateOf([...endedEarly, purgeRequested, failed])).purgeFrom).toBe(minutesLater(20 + DAY));
  });
});

describe('a rotation', () => {
  const command = { type: 'RotatePassword', requestId: idOf('rotate'), reason: 'leaked', ...at(5) } as const;
  const requested: TenantEvent = {
    type: 'PasswordRotationRequested',
    data: { requestId: idOf('rotate'), reason: 'leaked', ...asked(5) },
  };
  const { issued, rotated, rotationFailed } = factsOf(idOf('rotate'));
  const [before, after] = [credentialOf(idOf('creation')), credentialOf(idOf('rotate'))];

  test('is asked of an active tenant, one at a time', () => {
    spec.given(active).when(command).then([requested]);
    spec
      .given([...active, requested])
      .when(command)
      .thenRefused('rotation_open');
    spec
      .given([...active, requested, rotationFailed])
      .when(command)
      .then([requested]);
    for (const history of [provisioning, suspended, broken, ended, purged])
      spec.given(history).when(command).thenRefused('not_active');
  });

  test('shows the next credential beside the one in force, and then only the next', () => {
    expect(stateOf([...active, requested])).toMatchObject({ credential: before, nextCredential: null });
    expect(stateOf([...active, requested, issued])).toMatchObject({ credential: before, nextCredential: after });
    expect(stateOf([...active, requested, issued, rotated])).toMatchObject({
      credential: after,
      credentialSince: rotated.data.rotatedAt,
      nextCredential: null,
      requests: { rotate: { outcome: 'done' } },
    });
  });

  test('goes on while the tenant is suspended, and ends where it was when it failed', () => {
    expect(stateOf([...active, requested, issued, suspension, rotated])).toMatchObject({
      status: 'suspended',
      credential: after,
    });
    expect(stateOf([...active, requested, issued, rotationFailed])).toMatchObject({
      credential: before,
      nextCredential: null,
      requests: { rotate: { outcome: 'failed' } },
    });
  });

  test('is not moved by facts that nobody asked for, come late or concern another', () => {
    expect(stateOf([...active, issued, rotated])).toMatchObject({ credential: before, nextCredential: null });
    const stray = factsOf(idOf('another'));
    expect(stateOf([...active, requested, stray.issued, stray.rotated])).toMatchObject({
      credential: before,
      nextCredential: null,
    });
    expect(stateOf([...active, requested, termination, issued, rotated])).toMatchObject({ credential: before });
  });

  test('by age is due so long after the password came into force, a day after one that failed, and only while active', () => {
    const HOUR_MS = 3_600_000;
    expect(rotationFrom(stateOf(active), HOUR_MS)).toBe(minutesLater(62));
    expect(rotationFrom(stateOf([...active, requested, issued, rotated]), HOUR_MS)).toBe(
      new Date(Date.parse(rotated.data.rotatedAt) + HOUR_MS).toISOString(),
    );
    expect(rotationFrom(stateOf([...active, requested, rotationFailed]), HOUR_MS)).toBe(minutesLater(5 + DAY));
    for (const history of [[...active, requested], suspended, ended, provisioning]) {
      expect(rotationFrom(stateOf(history), HOUR_MS)).toBeNull();
    }
  });
});

describe('a read replica', () => {
  const standby = { host: '10.0.0.2', port: 5433 };
  const add = { type: 'AddReadReplica', requestId: idOf('replica'), ...standby, ...at(5) } as const;
  const remove = { type: 'RemoveReadReplica', ...at(6) } as const;
  const requested: TenantEvent = { type: 'ReadReplicaRequested', data: { requestId: idOf('replica'), ...standby, ...asked(5) } };
  const { verified, rejected } = factsOf(idOf('replica'));
  const added: TenantEvent = {
    type: 'ReadReplicaAdded',
    data: { requestId: idOf('replica'), ...standby, addedAt: minutesLater(6) },
  };

  test('is looked at before it is used, and used in the same append as it was verified', () => {
    spec.given(active).when(add).then([requested]);
    expect(stateOf([...active, requested]).replica).toBeNull();
    spec
      .given([...active, requested])
      .when(record(verified, minutesLater(6)))
      .then([verified, added]);
    expect(stateOf([...active, requested, verified, added])).toMatchObject({
      replica: standby,
      requests: { verifyReplica: { outcome: 'done' } },
    });
  });

  test('is none when the worker says no, or nobody asked', () => {
    expect(stateOf([...active, requested, rejected])).toMatchObject({
      replica: null,
      requests: { verifyReplica: { outcome: 'failed' } },
    });
    spec.given(active).when(record(verified)).then([verified]);
    spec
      .given([...active, requested, termination])
      .when(record(verified))
      .then([verified]);
  });

  test('is one at a time, of an active tenant', () => {
    spec
      .given([...active, requested])
      .when(add)
      .thenRefused('replica_open');
    spec
      .given([...active, requested, verified, added])
      .when(add)
      .thenRefused('replica_exists');
    for (const history of [provisioning, suspended, ended]) spec.given(history).when(add).thenRefused('not_active');
  });

  test('is removed while there is a home', () => {
    const removed: TenantEvent = {
      type: 'ReadReplicaRemoved',
      data: { ...standby, removedBy: 'op-1', removedAt: minutesLater(6) },
    };
    const used = [...active, requested, verified, added];
    spec.given(used).when(remove).then([removed]);
    expect(stateOf([...used, removed]).replica).toBeNull();
    spec.given(active).when(remove).thenRefused('no_replica');
    spec.given(ended).when(remove).thenRefused('wrong_status');
  });
});
