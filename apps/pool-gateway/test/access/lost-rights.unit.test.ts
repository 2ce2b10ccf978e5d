import type { GrantRole } from '@ultracore/contracts';
import type { Principal } from '@ultracore/service';
import { describe, expect, test } from 'vitest';
import { lostRights } from '../../src/access/lost-rights.ts';
import { toKnownTenant, type KnownTenant } from '../../src/directory/known-tenant.ts';
import { directoryRow } from '../support/directory-row.ts';

type Grants = Readonly<Record<string, GrantRole>>;

const acme = (grants: Grants, revoked: readonly string[] = []): KnownTenant =>
  toKnownTenant({
    ...directoryRow({ tenant_id: 'acme' }),
    grants: Object.entries(grants).map(([user, role]) => ({ user_id: user, role })),
    ...(revoked.length === 0 ? {} : { revoked_user_ids: [...revoked] }),
  });

const isEnded = (principal: Partial<Principal>, before: KnownTenant, now: KnownTenant, tenantHeader = 'acme'): boolean => {
  const problem = lostRights({ principal: { subject: 'ann', roles: [], ...principal }, tenantHeader }, before, now);
  if (problem !== undefined) expect(problem).toMatchObject({ status: 403, code: 'access_revoked' });
  return problem !== undefined;
};

const OF_TENANT = { tenantId: 'acme' };

describe('a call under way', () => {
  test.each([
    ['the grant of its user is revoked', {}, acme({ ann: 'developer' }), acme({}, ['ann'])],
    ['its user may only read from now on', {}, acme({ ann: 'owner' }), acme({ ann: 'analyst' })],
    ['the grant by its address is gone', { email: 'a@b.ch' }, acme({ 'a@b.ch': 'analyst' }), acme({}, ['a@b.ch'])],
    ['a grant bounds its token of the tenant for the first time', OF_TENANT, acme({}), acme({ ann: 'analyst' })],
    ['a grant of the user of its token is revoked', OF_TENANT, acme({ ann: 'analyst' }), acme({}, ['ann'])],
  ])('is ended when %s', (_, principal, before, now) => {
    expect(isEnded(principal, before, now)).toBe(true);
  });

  test.each([
    ['its user may do more', {}, acme({ ann: 'analyst' }), acme({ ann: 'owner' })],
    ['its user may do the same by another role', {}, acme({ ann: 'analyst' }), acme({ ann: 'auditor' })],
    ['others lose theirs', {}, acme({ ann: 'owner', bob: 'owner' }), acme({ ann: 'owner' }, ['bob'])],
    ['others lose theirs, and the token names the tenant', OF_TENANT, acme({ bob: 'owner' }), acme({}, ['bob'])],
    ['its token only reads anyway', { ...OF_TENANT, readonly: true as const }, acme({}), acme({ ann: 'analyst' })],
  ])('goes on when %s', (_, principal, before, now) => {
    expect(isEnded(principal, before, now)).toBe(false);
  });

  test('for another tenant goes on', () => {
    expect(isEnded({}, acme({ ann: 'owner' }), acme({}, ['ann']), 'other')).toBe(false);
    expect(isEnded({ tenantId: 'other' }, acme({ ann: 'owner' }), acme({}, ['ann']))).toBe(false);
  });
});
