import { describe, expect, test } from 'vitest';
import { toDirectoryRow } from '../../src/outbound/directory.ts';
import { toReadModelRow } from '../../src/readmodel/tenants.ts';
import { toView } from '../../src/inbound/http/views.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { evolve, initialState } from '../../src/tenant/evolve.ts';
import type { ExistingTenant, TenantState } from '../../src/tenant/state.ts';
import { activated, created, factsOf, idOf, minutesLater, terminated } from './examples.ts';

const creation = idOf('creation');
const { started, issued, schema, migrated, drifted, undrifted } = factsOf(creation);
const active: TenantEvent[] = [created, started, issued, schema, migrated, activated(creation, minutesLater(2))];

function after(...events: TenantEvent[]): ExistingTenant {
  const state = events.reduce<TenantState>(evolve, initialState());
  if (state.status === 'none') throw new Error('There is no tenant.');
  return state;
}

/** As the three surfaces say it: the directory, the list, the tenant's own view. */
const saidOf = (state: ExistingTenant) => [
  toDirectoryRow(state).schema_drift,
  toReadModelRow(state).drift_since,
  toView(state).schema_drift,
];

describe('a home that is not what its version should look like', () => {
  const { fingerprint, detectedAt, differences } = drifted.data;

  test('is shown with its differences, and does not move the ETag', () => {
    const state = after(...active, drifted);
    expect(saidOf(state)).toEqual([
      { change: 1, fingerprint },
      detectedAt,
      { migration_version: '0003', detected_at: detectedAt, difference_count: 1, differences },
    ]);
    expect(state.decidedRevision).toBe(after(...active).decidedRevision);
  });

  test('is shown as put right, and how often that was found changed is kept', () => {
    expect(saidOf(after(...active, drifted, undrifted))).toEqual([{ change: 2, fingerprint: null }, null, null]);
    expect(saidOf(after(...active))).toEqual([undefined, null, null]);
  });

  test('is not shown by a report that is older than what is known, or about another home', () => {
    const known = saidOf(after(...active, drifted, undrifted));
    expect(saidOf(after(...active, drifted, undrifted, drifted))).toEqual(known);
    expect(saidOf(after(...active, factsOf(idOf('never-asked')).drifted))).toEqual(saidOf(after(...active)));
    expect(saidOf(after(created, started, drifted))).toEqual([undefined, null, null]);
  });

  test('is shown until it is purged', () => {
    const ended = [...active, drifted, terminated(minutesLater(3))];
    expect(saidOf(after(...ended))).toEqual(saidOf(after(...active, drifted)));
    const purge: TenantEvent = {
      type: 'PurgeRequested',
      data: { requestId: idOf('purge'), reason: 'x', requestedBy: 'op-1', requestedAt: minutesLater(4) },
    };
    expect(saidOf(after(...ended, purge, factsOf(idOf('purge')).purged))).toEqual([undefined, null, null]);
  });
});
