import assert from 'node:assert/strict';
import { isCommandRefused } from '@ultracore/event-sourcing';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { REFUSALS } from '../../src/tenant/refusals.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { toRow } from '../../src/tenant/row.ts';
import { isHoused, type ExistingTenant, type RequestKind, type TenantState } from '../../src/tenant/state.ts';
import { FACT_NAMES, factsOf, idOf } from './examples.ts';
import { history } from './histories.ts';

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
  const users = [...tenant.grants.map((grant) => grant.userId), ...tenant.revokedUsers];
  assert.equal(new Set(users).size, users.length, 'one role a user, or none any more');
  const hasHome = activations === 1 && tenant.status !== 'purged';
  assert.equal(isHoused(tenant), hasHome);
  const row = toRow(tenant);
  for (const value of [row.db_username, row.db_password_encrypted, row.readonly_db_username, row.encryption_algorithm]) {
    assert.equal(value !== null, hasHome, 'a login is in the row exactly while there is a home');
  }
  if (tenant.status === 'purged') assert.deepEqual([users, tenant.replica, row.db_name], [[], null, null]);
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
      { numRuns: 1_000 },
    );
  });

  test('reach every status', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(history, (steps) => {
        reached.add(steps.reduce(apply, { state: tenantDecider.initialState(), stream: [] }).state.status);
      }),
      { numRuns: 300, seed: 7 },
    );
    expect([...reached].sort()).toEqual(['active', 'failed', 'none', 'provisioning', 'purged', 'suspended', 'terminated']);
  });
});
