import { TENANT_ID_PATTERN, type Tier } from '@ultracore/contracts';
import { TenantDatabaseError } from './errors.ts';

/** The databases and schemas that are ours and not one tenant's. Names with `__` cannot be derived from a tenant id. */
export const SHARED_DATABASE = 'ultracore_shared';
export const TEMPLATE_DATABASE = 'ultracore__template';
export const ADMIN_DATABASE = 'postgres';
/** Where the migrated tables are: the small tier's in the shared database, an enterprise tenant's in its own. */
export const APP_SCHEMA = 'app';
/** Where an enterprise tenant may create; on no search_path but its own logins'. */
export const OWN_SCHEMA = 'own';

export const ROLES = {
  /** NOLOGIN; owns every database, schema and table of ours. */
  owner: 'ultracore_owner',
  /** NOLOGIN; the only role whose policy shows the rows of all small tenants. */
  maint: 'ultracore_maint',
  /** NOLOGIN group: may connect to the shared database. */
  sharedAccess: 'ultracore_shared_access',
  /** NOLOGIN groups: what small tenants may do with the tables they share. */
  small: 'ultracore_small',
  smallReadOnly: 'ultracore_small_ro',
  /** The provisioning worker's login: CREATEROLE, CREATEDB, never superuser. */
  admin: 'ultracore_admin',
} as const;

/** Group roles whose members are tenants' logins, or may be. */
export const TENANT_GROUPS: readonly string[] = [ROLES.sharedAccess, ROLES.small, ROLES.smallReadOnly];

/** One home: whose it is, and the request that made it. The comment of every object of the home says both. */
export interface Home {
  readonly tenantId: string;
  readonly tier: Tier;
  /** UUID of the request that asked for this home. */
  readonly requestId: string;
}

/** Where a tenant lives and the two logins it gets. Each name has at most 63 bytes. */
export interface HomeNames {
  readonly database: string;
  readonly schema: string;
  readonly role: string;
  readonly readonlyRole: string;
}

/**
 * The names a tenant id stands for, in one tier. One to one: two ids never share a name, and none is a name of ours.
 * @throws TenantDatabaseError `bad_tenant_id` for anything that is not a tenant id.
 */
export function homeNames(tenantId: string, tier: Tier): HomeNames {
  if (!TENANT_ID_PATTERN.test(tenantId)) {
    throw new TenantDatabaseError('bad_tenant_id', `${JSON.stringify(tenantId)} is not a tenant id: no name is derived from it.`);
  }
  const suffix = tenantId.replaceAll('-', '_');
  const logins = { role: `uc_${suffix}`, readonlyRole: `uc_${suffix}__ro` };
  switch (tier) {
    case 'enterprise':
      return { database: `ultracore_${suffix}`, schema: APP_SCHEMA, ...logins };
    case 'standard':
      return { database: SHARED_DATABASE, schema: `tenant_${suffix}`, ...logins };
    case 'small':
      return { database: SHARED_DATABASE, schema: APP_SCHEMA, ...logins };
    default:
      return tier satisfies never;
  }
}

/** A home by its names: one in stock has no tenant yet. */
export interface NamedHome {
  readonly tier: Tier;
  readonly names: HomeNames;
}

/** @throws TenantDatabaseError `bad_tenant_id`. */
export const namedHome = ({ tenantId, tier }: Pick<Home, 'tenantId' | 'tier'>): NamedHome => ({
  tier,
  names: homeNames(tenantId, tier),
});

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const COMMENT = /^ultracore home of (\S+) request ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * The comment that the database or schema of a home and both its roles carry from the transaction that makes them. An object
 * without exactly this comment is never changed or dropped.
 * @throws TenantDatabaseError `bad_tenant_id` when the tenant id or the request id (a lower-case UUID) is not one.
 */
export function homeComment(tenantId: string, requestId: string): string {
  if (!TENANT_ID_PATTERN.test(tenantId) || !UUID.test(requestId)) {
    throw new TenantDatabaseError('bad_tenant_id', 'A home needs a tenant id and the UUID of the request that makes it.');
  }
  return `ultracore home of ${tenantId} request ${requestId}`;
}

/** Whose home a comment speaks of; undefined for every other comment, and for none. */
export function parseHomeComment(comment: string | null): { tenantId: string; requestId: string } | undefined {
  const [, tenantId, requestId] = COMMENT.exec(comment ?? '') ?? [];
  if (tenantId === undefined || requestId === undefined || !TENANT_ID_PATTERN.test(tenantId)) return undefined;
  return { tenantId, requestId };
}
