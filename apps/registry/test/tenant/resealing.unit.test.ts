import { describe, expect, test } from 'vitest';
import { toDirectoryRow } from '../../src/outbound/directory.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import { evolve, initialState } from '../../src/tenant/evolve.ts';
import type { ExistingTenant, TenantState } from '../../src/tenant/state.ts';
import { activated, created, factsOf, idOf, minutesLater, terminated } from './examples.ts';

const creation = idOf('creation');
const rotation = idOf('rotation');
const { started, issued, schema, migrated, resealed } = factsOf(creation);
const turned = factsOf(rotation);
const active: TenantEvent[] = [created, started, issued, schema, migrated, activated(creation, minutesLater(2))];
const rotate: TenantEvent = {
  type: 'PasswordRotationRequested',
  data: { requestId: rotation, reason: 'x', requestedBy: 'op-1', requestedAt: minutesLater(3) },
};

function after(...events: TenantEvent[]): ExistingTenant {
  const state = events.reduce<TenantState>(evolve, initialState());
  if (state.status === 'none') throw new Error('There is no tenant.');
  return state;
}
const keysOf = (state: ExistingTenant) => {
  const { credential, next_credential: next } = toDirectoryRow(state);
  return [credential?.key_id ?? null, next?.key_id ?? null];
};

describe('a credential that is sealed with another key', () => {
  test('takes the place of the one it was made from: other texts, the same password since the same time', () => {
    const before = after(...active);
    const state = after(...active, resealed);
    expect(state).toMatchObject({
      status: 'active',
      credential: { requestId: creation, keyId: 'k2', dbPasswordEncrypted: 'v1.k2.00bb.rw', dbUsername: 'uc_standard_002' },
    });
    expect('credentialSince' in state && state.credentialSince).toBe('credentialSince' in before && before.credentialSince);
    expect(state.decidedRevision).toBe(before.decidedRevision);
  });

  test('takes it whatever the status, as long as the data is kept', () => {
    expect(keysOf(after(...active, terminated(minutesLater(4)), resealed))).toEqual(['k2', null]);
  });

  test('changes nothing when it is told again, or late: the password was rotated, or the key was changed back', () => {
    expect(keysOf(after(...active, resealed, resealed))).toEqual(['k2', null]);
    expect(keysOf(after(...active, rotate, turned.issued, turned.rotated, resealed))).toEqual(['k1', null]);
    const back: TenantEvent = {
      type: 'CredentialsResealed',
      data: { ...resealed.data, ...issued.data, previousKeyId: 'k2', resealedAt: minutesLater(5) },
    };
    const late: TenantEvent = { ...resealed, data: { ...resealed.data, previousKeyId: 'k0' } };
    expect(keysOf(after(...active, resealed, back, late))).toEqual(['k1', null]);
  });

  test('leaves a rotation that is under way alone, which ends with the credential it has issued', () => {
    expect(keysOf(after(...active, rotate, turned.issued, resealed))).toEqual(['k2', 'k1']);
    expect(keysOf(after(...active, rotate, turned.issued, resealed, turned.rotated))).toEqual(['k1', null]);
  });

  test('changes nothing of a tenant whose creation is open', () => {
    expect(keysOf(after(created, started, issued, resealed))).toEqual([null, 'k1']);
  });
});
