import * as fc from 'fast-check';
import type { ExistingTenantCommand, TenantCommand } from '../../src/tenant/commands.ts';
import type { TenantFact } from '../../src/tenant/facts.ts';
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
  CancelMigration: fc.record({ code: constant('operator' as const), reason }),
  RotatePassword: fc.record({ requestId, reason }),
  AddReadReplica: fc.record({ requestId, host, port: constant(5433) }),
  RemoveReadReplica: fc.record({}),
  ConfigureTenant: fc.record({
    changes: fc.array(
      fc.oneof(
        fc.record({ key: constant('timezone' as const), value: fc.constantFrom('UTC', 'Europe/Zurich') }),
        fc.record({
          key: constant('max_cpu_percent' as const),
          value: fc.integer({ min: 100, max: 10_000 }).map((n) => n / 100),
        }),
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
/** Commands and facts about one tenant, in any order, with repetitions. */
export const history: fc.Arbitrary<TenantCommand[]> = fc
  .tuple(fc.constantFrom([], [createCommand], toActive, toTerminated, toPurged), fc.array(step, { maxLength: 60, size: 'max' }))
  .map(([begun, steps]) => [...begun, ...steps]);
