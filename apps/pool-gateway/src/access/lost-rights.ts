import { ProblemError, type Principal } from '@ultracore/service';
import type { KnownTenant } from '../directory/known-tenant.ts';
import { rightsOf, type Asked, type Rights } from './authorize.ts';

const RANK: Readonly<Record<Rights, number>> = { none: 0, read: 1, write: 2 };

/**
 * What a call under way is ended with when its caller may do less with the tenant than before; undefined when it may still do all of that,
 * and for a call for another tenant. A call of a user who may only read from now on is ended whatever it does.
 */
export function lostRights(asked: Asked, before: KnownTenant, now: KnownTenant): ProblemError | undefined {
  if (tenantOf(asked) !== now.tenantId) return undefined;
  const rank = (tenant: KnownTenant, principal: Principal): number => RANK[rightsOf(tenant, principal)];
  return rank(now, asked.principal) < rank(before, asked.principal) ? accessRevoked() : undefined;
}

/** Of a call that was let in: header and token agree where there are both. */
const tenantOf = ({ principal, tenantHeader }: Asked): string | undefined => principal.tenantId ?? tenantHeader;

const accessRevoked = (): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'access_revoked',
    detail: 'Your right to this was taken away while the request waited or ran.',
  });
