import { TENANT_ID_PATTERN, type GrantRole } from '@ultracore/contracts';
import { ProblemError, type Principal } from '@ultracore/service';
import type { Currentness } from '../directory/directory.ts';
import { boundKey, type Bound, type KnownTenant } from '../directory/known-tenant.ts';

/** What a caller may do: run SQL for this tenant, under its read-only login at most or under either. */
export interface Access {
  readonly tenant: KnownTenant;
  readonly readonly: boolean;
}

export interface Asked {
  readonly principal: Principal;
  /** `X-UltraCore-Tenant-Id` as it came. */
  readonly tenantHeader: string | undefined;
}

export interface Directory {
  find(tenantId: string): KnownTenant | undefined;
  currentness(): Currentness;
}

const MAY_WRITE: Readonly<Record<GrantRole, boolean>> = { owner: true, developer: true, analyst: false, auditor: false };

/**
 * Decides whose SQL this is, from the token alone: the header names a tenant, it never proves one. A token that names a tenant is good for
 * that tenant, within the grant of its user, and for nothing once that was revoked, nor for a later tenant of the same id; any other needs
 * a grant. A role of the platform (operator, auditor, creator) is no right to a tenant's data.
 *
 * Throws a `ProblemError`. Who has no right to a tenant is told the same whether it exists or not.
 */
export function authorize(asked: Asked, directory: Directory): Access {
  const tenantId = tenantOf(asked);
  checkCurrent(directory);
  const { principal } = asked;
  const tenant = directory.find(tenantId);
  if (tenant === undefined) throw principal.tenantId === undefined ? forbidden() : unknown();
  const rights = rightsOf(tenant, principal);
  if (rights === 'none') throw forbidden();
  checkStatus(tenant);
  return { tenant, readonly: rights === 'read' };
}

/** What somebody may do with a tenant's data. */
export type Rights = 'none' | 'read' | 'write';

/** By its grants alone, for a tenant that the caller's token does not rule out. */
export function rightsOf(tenant: KnownTenant, principal: Principal): Rights {
  const grant = grantOf(tenant, principal);
  const role = grant ?? boundOf(tenant, principal);
  if (role === 'revoked' || (grant === undefined && !isNamed(tenant, principal))) return 'none';
  return principal.readonly === true || (role !== undefined && !MAY_WRITE[role]) ? 'read' : 'write';
}

/** Whether the token names this very tenant: one that was issued before this one was created names whoever had its id before. */
const isNamed = ({ since }: KnownTenant, { tenantId, issuedAt = 0 }: Principal): boolean =>
  tenantId !== undefined && issuedAt >= since;

/** Who may look at the state of a tenant's connections: operators and auditors, and who may run its SQL. */
export function authorizeReading(principal: Principal, tenantId: string, directory: Directory): void {
  if (principal.roles.includes('operator') || principal.roles.includes('auditor')) return;
  authorize({ principal, tenantHeader: tenantId }, directory);
}

function tenantOf({ principal, tenantHeader }: Asked): string {
  const named = principal.tenantId;
  if (tenantHeader === undefined || tenantHeader === '') {
    if (named !== undefined) return named;
    throw new ProblemError({
      status: 400,
      code: 'tenant_missing',
      detail: 'Your token names no tenant: say which one with the header X-UltraCore-Tenant-Id.',
      field: 'x-ultracore-tenant-id',
    });
  }
  if (named !== undefined && named !== tenantHeader) {
    throw new ProblemError({
      status: 403,
      code: 'tenant_mismatch',
      detail: 'Your token is for another tenant than the header X-UltraCore-Tenant-Id names.',
      field: 'x-ultracore-tenant-id',
    });
  }
  if (!TENANT_ID_PATTERN.test(tenantHeader)) {
    throw new ProblemError({
      status: 400,
      code: 'tenant_id_invalid',
      detail: 'The header X-UltraCore-Tenant-Id does not hold one tenant id.',
      field: 'x-ultracore-tenant-id',
    });
  }
  return tenantHeader;
}

/** A grant names a user by the token's subject or by the address that it proves. */
const grantOf = (tenant: KnownTenant, { subject, email }: Principal): GrantRole | undefined =>
  tenant.grants.get(subject) ?? (email === undefined ? undefined : tenant.grants.get(email));

/** What there is of a user whose token names the tenant and who has no grant: also by an address that the token does not prove. */
function boundOf({ bounds }: KnownTenant, principal: Principal): Bound | undefined {
  if (bounds.size === 0 || principal.tenantId === undefined) return undefined;
  const { subject, email = principal.unprovenEmail } = principal;
  return bounds.get(boundKey(subject)) ?? (email === undefined ? undefined : bounds.get(boundKey(email)));
}

function checkCurrent(directory: Directory): void {
  switch (directory.currentness()) {
    case 'current':
      return;
    case 'starting':
      throw unavailable(
        'directory_starting',
        'This gateway has not read the directory of tenants yet. Try again in a moment.',
        '1',
      );
    case 'stale':
      throw unavailable(
        'directory_stale',
        'This gateway does not know the present state of the tenants, so it serves none. It goes on by itself when it does.',
        '5',
      );
  }
}

function checkStatus({ status }: KnownTenant): void {
  switch (status) {
    case 'active':
      return;
    case 'unreadable':
      throw unavailable('tenant_unreadable', 'What is known of this tenant cannot be read at the moment.', '5');
    case 'suspended':
      throw new ProblemError({ status: 403, code: 'tenant_suspended', detail: 'This tenant is suspended.' });
    case 'provisioning':
    case 'failed':
    case 'terminated':
    case 'purged':
      throw new ProblemError({ status: 409, code: 'tenant_not_active', detail: `This tenant is ${status}.` });
  }
}

const forbidden = (): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'tenant_forbidden',
    detail: 'Your token gives you no right to a tenant of this id.',
  });

const unknown = (): ProblemError =>
  new ProblemError({ status: 404, code: 'tenant_unknown', detail: 'There is no tenant of this id.' });

const unavailable = (code: string, detail: string, retryAfter: string): ProblemError =>
  new ProblemError({ status: 503, code, detail, headers: { 'retry-after': retryAfter } });
