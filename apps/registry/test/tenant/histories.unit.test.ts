import assert from 'node:assert/strict';
import { isCommandRefused } from '@ultracore/event-sourcing';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExistingTenantCommand, TenantCommand } from '../../src/tenant/commands.ts';
import { tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { REFUSALS } from '../../src/tenant/refusals.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import type { TenantFact } from '../../src/tenant/facts.ts';
import { toRow } from '../../src/tenant/row.ts';
import { isHoused, type ExistingTenant, type RequestKind, type TenantState } from '../../src/tenant/state.ts';
import { createCommand, FACT_NAMES, factsOf, idOf, minutesLater, record } from './examples.ts';

/** Requests that a history may know, or not: facts about any of them arrive at any time. */
const REQUESTS = ['creation', 'second', 'third', 'never-asked'].map(idOf);

const requestId = fc.constantFrom(...REQUESTS);
const now = fc.integer({ min: 0, max: 120 }).map(minutesLater);
const ifMatch = fc
  .option(fc.integer({ min: 0, max: 8 }), { nil: undefined, freq: 6 })
  .map((at): { ifMatch?: number } => (at === undefined ? {} : { ifMatch: at }));
const fact: fc.Arbitrary<TenantFact> = fc.tuple(requestId, fc.constantFrom(...FACT_NAMES)).map(([id, name]) => factsOf(id)[name]);
const size = fc.integer({ min: 1, max: 120 });
const userId = fc.constantFrom('ada', 'ben');
const reason = fc.constant('because');
const host = fc.constant('10.0.0.2');
const constant = <Value>(value: Value) => fc.constant(value);

/** What each command says beside what all say. */
const SAID = {
  RetryProvisioning: fc.record({ requestId }),
  SuspendTenant: fc.record({ reason }),
  ReactivateTenant: fc.record({}),
  TerminateTenant: fc.record({ reason, dataRetentionDays: fc.constantFrom(0, 30) }),
  PlaceLegalHold: fc.record({ reason }),
  ReleaseLegalHold: fc.record({ reason }),
  PurgeTenant: fc.record({ requestId, reason, early: fc.boolean() }),
  MigrateTenant: fc.record({ requestId, targetVersion: fc.constantFrom('0003', '0004'), rolloutId: constant(idOf('rollout')) }),
  RotatePassword: fc.record({ requestId, reason }),
  AddReadReplica: fc.record({ requestId, host, port: constant(5433) }),
  RemoveReadReplica: fc.record({}),
  ConfigureTenant: fc.record({
    changes: fc.array(
      fc.oneof(
        fc.record({ key: constant('timezone' as const), value: fc.constantFrom('UTC', 'Europe/Zurich') }),
        fc.record({ key: constant('max_cpu_percent' as const), value: fc.integer({ min: 1, max: 100 }) }),
        fc.record({ key: constant('tenant_name' as const), value: fc.constantFrom('Sample One', 'Sample Two') }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  ResizePool: fc.record({ minConnections: size, maxConnections: size, reason, connectionBudget: fc.constantFrom(null, 90) }),
  ScaleTenant: fc.record({
    resourceType: fc.constantFrom('cpu' as const, 'connections' as const, 'queries' as const),
    newLimit: size,
    reason,
    recommendationId: constant(null),
    connectionBudget: fc.constantFrom(null, 90),
  }),
  GrantAccess: fc.record({ userId, role: fc.constantFrom('owner' as const, 'analyst' as const) }),
  RevokeAccess: fc.record({ userId }),
} satisfies { [Type in ExistingTenantCommand['type']]: fc.Arbitrary<object> };

const aboutExisting = fc.oneof(
  ...Object.entries(SAID).map(([type, said]) =>
    fc
      .tuple(said, now, ifMatch)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has what each type needs
      .map(([more, at, condition]) => ({ type, by: 'op-1', now: at, ...more, ...condition }) as ExistingTenantCommand),
  ),
);
const creation: fc.Arbitrary<TenantCommand> = fc
  .tuple(requestId, now)
  .map(([id, at]) => ({ ...createCommand, requestId: id, now: at }));
const recording: fc.Arbitrary<TenantCommand> = fc
  .tuple(fact, now)
  .map(([said, at]) => ({ type: 'RecordFact', fact: said, now: at }));
const step = fc.oneof(
  { weight: 1, arbitrary: creation },
  { weight: 8, arbitrary: aboutExisting },
  { weight: 8, arbitrary: recording },
);
/** What makes the statuses behind them likely enough that what is random means something there. */
const { started, issued, migrated, purged } = factsOf(idOf('creation'));
const toActive: TenantCommand[] = [createCommand, record(started), record(issued), record(migrated)];
const toTerminated: TenantCommand[] = [
  ...toActive,
  { type: 'TerminateTenant', reason: 'over', by: 'op-1', dataRetentionDays: 30, now: minutesLater(9) },
];
const toPurged: TenantCommand[] = [
  ...toTerminated,
  { type: 'PurgeTenant', requestId: idOf('creation'), reason: 'over', by: 'op-1', early: true, now: minutesLater(9) },
  record(purged),
];
const history = fc
  .tuple(fc.constantFrom([], [createCommand], toActive, toTerminated, toPurged), fc.array(step, { maxLength: 60 }))
  .map(([begun, steps]) => [...begun, ...steps]);

const FACTS: ReadonlySet<string> = new Set(FACT_NAMES.map((name) => factsOf(idOf('creation'))[name].type));
const ALLOWED: Readonly<Record<TenantState['status'], readonly TenantState['status'][]>> = {
  none: ['none', 'provisioning'],
  provisioning: ['provisioning', 'active', 'failed', 'terminated'],
  failed: ['failed', 'provisioning', 'terminated'],
  active: ['active', 'suspended', 'terminated'],
  suspended: ['suspended', 'active', 'terminated'],
  terminated: ['terminated', 'purged'],
  purged: ['purged', 'provisioning'],
};

interface Run {
  readonly state: TenantState;
  readonly stream: readonly TenantEvent[];
}

/** One command, with everything that must hold whatever came before it. */
function apply({ state, stream }: Run, command: TenantCommand): Run {
  const before = structuredClone(state);
  const outcome = decide(command, state);
  assert.deepEqual(state, before, 'deciding changes nothing');
  if (command.type === 'RecordFact') {
    if (state.status === 'none') assert.equal(outcome.refusal, 'tenant_not_found');
    else assert.equal(outcome.events[0], command.fact, 'a fact about a tenant is recorded, never refused');
  }
  let next = state;
  for (const event of outcome.events) {
    checkEvent(event, next);
    const evolved = tenantDecider.evolve(next, event);
    assert(ALLOWED[next.status].includes(evolved.status), `${next.status} → ${evolved.status} by ${event.type}`);
    next = evolved;
  }
  const run = { state: next, stream: [...stream, ...outcome.events] };
  if (next.status !== 'none') checkTenant(next, run.stream);
  return run;
}

function decide(command: TenantCommand, state: TenantState): { events: readonly TenantEvent[]; refusal?: string } {
  try {
    return { events: tenantDecider.decide(command, state) };
  } catch (error) {
    assert(isCommandRefused(error), 'the only thing thrown is a refusal');
    assert(
      REFUSALS.some((code) => code === error.code),
      `${error.code} is one of the documented refusals`,
    );
    return { events: [], refusal: error.code };
  }
}

/** What may never be decided, whatever the history. */
function checkEvent(event: TenantEvent, state: TenantState): void {
  if (state.status === 'none') return;
  if (event.type === 'PurgeRequested') {
    assert.equal(state.status, 'terminated', 'only what is terminated is purged');
    assert.equal(state.legalHold, false, 'what is held is not purged');
  }
  if (event.type === 'LegalHoldPlaced')
    assert.notEqual(state.requests.purge?.outcome, 'open', 'what is being purged is not held');
  const kind = KIND_OF_REQUEST[event.type];
  if (kind !== undefined) assert.notEqual(state.requests[kind]?.outcome, 'open', 'one open request of a kind');
}

const KIND_OF_REQUEST: Readonly<Record<string, RequestKind>> = {
  PurgeRequested: 'purge',
  MigrationRequested: 'migrate',
  PasswordRotationRequested: 'rotate',
  ReadReplicaRequested: 'verifyReplica',
};

function checkTenant(tenant: ExistingTenant, whole: readonly TenantEvent[]): void {
  assert.equal(tenant.revision, whole.length - 1);
  assert.equal(
    tenant.decidedRevision,
    whole.findLastIndex((event) => !FACTS.has(event.type)),
  );
  assert.equal(tenant.life, whole.filter((event) => event.type === 'TenantCreated').length);
  const life = whole.slice(whole.findLastIndex((event) => event.type === 'TenantCreated'));
  const activations = life.filter((event) => event.type === 'TenantActivated').length;
  assert(activations <= 1, 'activated at most once in a life');
  const asked = life.flatMap((event) =>
    event.type === 'TenantCreated' || event.type === 'ProvisioningRetryRequested' ? [event.data.requestId] : [],
  );
  assert.equal(tenant.provision.id, asked.at(-1), 'the request in force is the last one asked');
  assert.equal(tenant.provision.attempt, asked.length);
  assert(tenant.settings.minConnections <= tenant.settings.maxConnections, 'a pool has room for its minimum');
  assert.equal(new Set(tenant.grants.map((grant) => grant.userId)).size, tenant.grants.length, 'one role a user');
  const hasHome = activations === 1 && tenant.status !== 'purged';
  assert.equal(isHoused(tenant), hasHome);
  const row = toRow(tenant);
  for (const value of [row.db_username, row.db_password_encrypted, row.readonly_db_username, row.encryption_algorithm]) {
    assert.equal(value !== null, hasHome, 'a login is in the row exactly while there is a home');
  }
  if (tenant.status === 'purged') assert.deepEqual([tenant.grants, tenant.replica, row.db_name], [[], null, null]);
}

describe('random histories of commands and facts, with duplicates and in any order', { timeout: 60_000 }, () => {
  test('keep the invariants of a tenant', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { state, stream } = steps.reduce(apply, { state: tenantDecider.initialState(), stream: [] });
        const stored = stream
          .map((event) => tenantCodec.encode(event))
          .map(({ type, data }) => ({ type, data: structuredClone(data) }));
        const folded = stored
          .map((event) => tenantCodec.decode(event))
          .reduce(tenantDecider.evolve, tenantDecider.initialState());
        expect(folded, 'the stored stream folds to the same state').toEqual(state);
      }),
      { numRuns: 5_000 },
    );
  });

  test('reach every status', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(history, (steps) => {
        reached.add(steps.reduce(apply, { state: tenantDecider.initialState(), stream: [] }).state.status);
      }),
      { numRuns: 2_000, seed: 7 },
    );
    expect([...reached].sort()).toEqual(['active', 'failed', 'none', 'provisioning', 'purged', 'suspended', 'terminated']);
  });
});
