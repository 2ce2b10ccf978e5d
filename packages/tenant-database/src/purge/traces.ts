import { homeNames } from '../names.ts';

/** Every name that is a tenant's, in whatever tier it was. */
export interface TenantNames {
  readonly roles: readonly string[];
  readonly database: string;
  readonly schema: string;
}

/** @throws TenantDatabaseError `bad_tenant_id`. */
export function namesOf(tenantId: string): TenantNames {
  const { schema, role, readonlyRole } = homeNames(tenantId, 'standard');
  return { roles: [role, readonlyRole], database: homeNames(tenantId, 'enterprise').database, schema };
}

/** For LIKE: the comment of a home of this tenant, made by any request. No character of a tenant id is one of LIKE's own. */
export const commentPattern = (tenantId: string): string => `ultracore home of ${tenantId} request %`;
