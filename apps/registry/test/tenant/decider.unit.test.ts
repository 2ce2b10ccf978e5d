import { deciderSpec } from '@ultracore/event-sourcing/testing';
import { describe, expect, test } from 'vitest';
import { tenantDecider } from '../../src/tenant/decider.ts';
import {
  activated,
  createCommand,
  created,
  credentialOf,
  factsOf,
  idOf,
  minutesLater,
  record,
  retried,
  terminated,
} from './examples.ts';

const spec = deciderSpec(tenantDecider);
const creation = idOf('creation');
const again = idOf('again');
const { started, issued, schema, migrated, migrationsFailed, failed } = factsOf(creation);
const provisioned = [created, started, issued, schema];
const active = [...provisioned, migrated, activated(creation, minutesLater(2))];
const broken = [created, started, issued, failed];

const retry = (now: string, ifMatch?: number) => ({
  type: 'RetryProvisioning' as const,
  requestId: again,
  by: 'op-1',
  now,
  ...(ifMatch === undefined ? {} : { ifMatch }),
});
const terminate = (now: string, ifMatch?: number) => ({
  type: 'TerminateTenant' as const,
  reason: 'mistake',
  by: 'op-1',
  dataRetentionDays: 30,
  now,
  ...(ifMatch === undefined ? {} : { ifMatch }),
});

describe('create', () => {
  test('asks for a home and carries every setting', () => {
    spec.given([]).when(createCommand).then([created]);
  });

  test('says what the home is to be made of, where a rollout has said; a retry says it anew', () => {
    const at = { ...created, data: { ...created.data, migrationVersion: '0004' } };
    spec
      .given([])
      .when({ ...createCommand, migrationVersion: '0004' })
      .then([at]);
    expect(spec.given([created]).state).toMatchObject({ targetVersion: null });
    expect(spec.given([at]).state).toMatchObject({ targetVersion: '0004' });
    const requestedAt = minutesLater(5);
    const data = { requestId: again, attempt: 2, requestedBy: 'op-1', requestedAt, migrationVersion: '0005' };
    spec
      .given([at, started, issued, failed])
      .when({ ...retry(requestedAt), migrationVersion: '0005' })
      .then([{ type: 'ProvisioningRetryRequested', data }]);
    expect(spec.given([at, failed, { type: 'ProvisioningRetryRequested', data }]).state).toMatchObject({ targetVersion: '0005' });
  });

  test('an id that is in use is taken, whatever the status of the tenant', () => {
    for (const history of [[created], active, broken, [created, terminated(minutesLater(1))]]) {
      spec.given(history).when(createCommand).thenRefused('tenant_exists');
    }
  });

  test('a pool whose minimum is over its maximum is refused, equal ones are not', () => {
    const pool = (minConnections: number, maxConnections: number) => ({
      ...createCommand,
      settings: { ...createCommand.settings, minConnections, maxConnections },
    });
    spec.given([]).when(pool(21, 20)).thenRefused('min_over_max');
    expect(tenantDecider.decide(pool(20, 20), { status: 'none' })).toHaveLength(1);
  });

  test('a pool over the budget of the server is refused, one that takes all of it is not', () => {
    const budget = (connectionBudget: number | null) => ({
      ...createCommand,
      placement: { ...createCommand.placement, connectionBudget },
    });
    spec.given([]).when(budget(19)).thenRefused('over_server_budget');
    expect(tenantDecider.decide(budget(20), { status: 'none' })).toHaveLength(1);
    expect(tenantDecider.decide(budget(null), { status: 'none' })).toHaveLength(1);
  });
});

describe('facts', () => {
  test('the one that completes the open request activates the tenant in the same append', () => {
    spec
      .given(provisioned)
      .when(record(migrated, minutesLater(2)))
      .then([migrated, activated(creation, minutesLater(2))]);
  });

  test('a small tenant becomes active without a database or schema of its own', () => {
    spec
      .given([created, started, issued])
      .when(record(migrated, minutesLater(2)))
      .then([migrated, activated(creation, minutesLater(2))]);
  });

  test('completion activates nobody before a home and a credential are known', () => {
    spec.given([created]).when(record(migrated)).then([migrated]);
    spec.given([created, started]).when(record(migrated)).then([migrated]);
    spec.given([created, issued]).when(record(migrated)).then([migrated]);
  });

  test('completion of an attempt that is over is recorded and activates nobody', () => {
    spec.given(broken).when(record(migrated)).then([migrated]);
    spec
      .given([...broken, retried(again, 2, minutesLater(3)), ...Object.values(factsOf(again)).slice(0, 3)])
      .when(record(migrated))
      .then([migrated]);
    spec
      .given([...provisioned, terminated(minutesLater(1))])
      .when(record(migrated))
      .then([migrated]);
  });

  test('completion that comes again activates nobody again', () => {
    spec.given(active).when(record(migrated)).then([migrated]);
  });

  test('a fact about a tenant that was never created is refused, and goes to the dead letters', () => {
    spec.given([]).when(record(started)).thenRefused('tenant_not_found');
  });

  test('credentials come into force with the activation, not before', () => {
    expect(spec.given(provisioned).state).toMatchObject({ status: 'provisioning', nextCredential: credentialOf(creation) });
    expect(spec.given(active).state).toMatchObject({
      status: 'active',
      credential: credentialOf(creation),
      nextCredential: null,
      home: { dbName: 'ultracore_shared', schemaName: 'tenant_standard_002' },
      migrationVersion: '0003',
    });
  });

  test('failed migrations alone do not close the request', () => {
    spec
      .given([...provisioned, migrationsFailed])
      .when(record(migrated))
      .then([migrated, activated(creation, minutesLater(2))]);
  });

  test('failure closes the request and keeps neither home nor credential', () => {
    const { state } = spec.given(broken);
    expect(state).toMatchObject({
      status: 'failed',
      provision: { id: creation, outcome: 'failed' },
      failure: { step: 'migrate' },
    });
    expect(state).not.toHaveProperty('home');
    expect(state).not.toHaveProperty('nextCredential');
  });
});

describe('retry', () => {
  test('of a failed tenant is a new request, one attempt further', () => {
    spec
      .given(broken)
      .when(retry(minutesLater(3)))
      .then([retried(again, 2, minutesLater(3))]);
    expect(spec.given([...broken, retried(again, 2, minutesLater(3))]).state).toMatchObject({
      status: 'provisioning',
      provision: { id: again, attempt: 2, outcome: 'open' },
      home: null,
      nextCredential: null,
    });
  });

  test('of a provisioning is refused until it is fifteen minutes old', () => {
    spec
      .given(provisioned)
      .when(retry(minutesLater(14.99)))
      .thenRefused('not_retryable');
    spec
      .given(provisioned)
      .when(retry(minutesLater(15)))
      .then([retried(again, 2, minutesLater(15))]);
  });

  test('counts the fifteen minutes from the last attempt', () => {
    const history = [...broken, retried(again, 2, minutesLater(10))];
    spec
      .given(history)
      .when(retry(minutesLater(20)))
      .thenRefused('not_retryable');
  });

  test('of a tenant that is active, terminated or unknown is refused', () => {
    spec
      .given(active)
      .when(retry(minutesLater(60)))
      .thenRefused('not_retryable');
    spec
      .given([created, terminated(minutesLater(1))])
      .when(retry(minutesLater(60)))
      .thenRefused('not_retryable');
    spec
      .given([])
      .when(retry(minutesLater(60)))
      .thenRefused('tenant_not_found');
  });
});

describe('terminate', () => {
  test('of a tenant that never was active makes its purge due at once', () => {
    for (const history of [[created], provisioned, broken]) {
      spec
        .given(history)
        .when(terminate(minutesLater(3)))
        .then([terminated(minutesLater(3))]);
    }
  });

  test('cancels an open request; a failed one stays failed', () => {
    const end = terminated(minutesLater(3));
    expect(spec.given([...provisioned, end]).state).toMatchObject({ status: 'terminated', provision: { outcome: 'cancelled' } });
    expect(spec.given([...broken, end]).state).toMatchObject({ status: 'terminated', provision: { outcome: 'failed' } });
  });

  test('is refused for a tenant that is terminated or unknown', () => {
    spec
      .given([created, terminated(minutesLater(1))])
      .when(terminate(minutesLater(3)))
      .thenRefused('already_terminated');
    spec
      .given([])
      .when(terminate(minutesLater(3)))
      .thenRefused('tenant_not_found');
  });
});

describe('If-Match', () => {
  test('holds against the last event that the registry decided; facts do not move it', () => {
    spec
      .given(provisioned)
      .when(terminate(minutesLater(3), 0))
      .then([terminated(minutesLater(3))]);
    spec
      .given([...broken, retried(again, 2, minutesLater(3))])
      .when(terminate(minutesLater(4), 0))
      .thenRefused('precondition_failed');
    spec
      .given([...broken, retried(again, 2, minutesLater(3))])
      .when(terminate(minutesLater(4), 4))
      .then([terminated(minutesLater(4))]);
    spec
      .given(active)
      .when(retry(minutesLater(60), 4))
      .thenRefused('precondition_failed');
  });
});
