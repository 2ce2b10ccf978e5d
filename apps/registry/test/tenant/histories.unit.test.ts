import assert from 'node:assert/strict';
import { isCommandRefused } from '@ultracore/event-sourcing';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { tenantCodec } from '../../src/tenant/codec.ts';
import { REFUSALS, tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent, TenantFact } from '../../src/tenant/events.ts';
import { toRow } from '../../src/tenant/row.ts';
import type { ExistingTenant, TenantState } from '../../src/tenant/state.ts';
import { createCommand, factsOf, idOf, minutesLater } from './examples.ts';

/** Requests that a history may know, or not: facts about any of them arrive at any time. */
const REQUESTS = ['creation', 'second', 'third', 'never-asked'].map(idOf);

const requestId = fc.constantFrom(...REQUESTS);
const now = fc.integer({ min: 0, max: 120 }).map(minutesLater);
const ifMatch = fc
  .option(fc.integer({ min: 0, max: 8 }), { nil: undefined, freq: 4 })
  .map((at): { ifMatch?: number } => (at === undefined ? {} : { ifMatch: at }));
const fact: fc.Arbitrary<TenantFact> = fc
  .tuple(requestId, fc.constantFrom('started', 'issued', 'schema', 'migrated', 'migrationsFailed', 'failed'))
  .map(([id, name]) => factsOf(id)[name]);
const creation: fc.Arbitrary<TenantCommand> = fc
  .tuple(requestId, now)
  .map(([id, at]) => ({ ...createCommand, requestId: id, now: at }));
const retry: fc.Arbitrary<TenantCommand> = fc
  .tuple(requestId, now, ifMatch)
  .map(([id, at, condition]) => ({ type: 'RetryProvisioning', requestId: id, requestedBy: 'op-1', now: at, ...condition }));
const termination: fc.Arbitrary<TenantCommand> = fc
  .tuple(now, ifMatch)
  .map(([at, condition]) => ({ type: 'TerminateTenant', reason: 'mistake', terminatedBy: 'op-1', now: at, ...condition }));
const recording: fc.Arbitrary<TenantCommand> = fc
  .tuple(fact, now)
  .map(([said, at]) => ({ type: 'RecordFact', fact: said, now: at }));
const step = fc.oneof(
  { weight: 1, arbitrary: creation },
  { weight: 2, arbitrary: retry },
  { weight: 1, arbitrary: termination },
  { weight: 8, arbitrary: recording },
);
/** Starts with a creation often enough that what follows means something. */
const history = fc
  .tuple(fc.boolean(), fc.array(step, { maxLength: 40 }))
  .map(([begun, steps]) => (begun ? [createCommand, ...steps] : steps));

const DECIDED = new Set(['TenantCreated', 'ProvisioningRetryRequested', 'TenantActivated', 'TenantTerminated']);
const ALLOWED: Readonly<Record<TenantState['status'], readonly TenantState['status'][]>> = {
  none: ['none', 'provisioning'],
  provisioning: ['provisioning', 'active', 'failed', 'terminated'],
  failed: ['failed', 'provisioning', 'terminated'],
  active: ['active'],
  terminated: ['terminated'],
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

function checkTenant(tenant: ExistingTenant, stream: readonly TenantEvent[]): void {
  assert.equal(tenant.revision, stream.length - 1);
  assert.equal(
    tenant.decidedRevision,
    stream.findLastIndex((event) => DECIDED.has(event.type)),
  );
  const activations = stream.filter((event) => event.type === 'TenantActivated');
  assert(activations.length <= 1, 'activated at most once');
  assert.equal(tenant.status === 'active', activations.length === 1);
  const asked = stream.flatMap((event) =>
    event.type === 'TenantCreated' || event.type === 'ProvisioningRetryRequested' ? [event.data.requestId] : [],
  );
  assert.equal(tenant.provision.id, asked.at(-1), 'the request in force is the last one asked');
  assert.equal(tenant.provision.attempt, asked.length);
  if (tenant.status === 'active') {
    assert.equal(tenant.credential.requestId, tenant.provision.id, 'the credential is of the request that made the home');
  }
  const row = toRow(tenant);
  for (const value of [row.db_username, row.db_password_encrypted, row.readonly_db_username, row.encryption_algorithm]) {
    assert.equal(value === null, tenant.status !== 'active', 'a login is in the row exactly while the tenant is active');
  }
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
      { numRuns: 2_000 },
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
    expect([...reached].sort()).toEqual(['active', 'failed', 'none', 'provisioning', 'terminated']);
  });
});
