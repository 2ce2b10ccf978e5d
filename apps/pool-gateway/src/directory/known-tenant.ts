import type { DirectoryCredential, DirectoryRow, GrantRole, TenantStatus, Tier } from '@ultracore/contracts';
import type { TenantRegistration } from '@ultracore/tenant-pool';
import { sessionSettings } from '../statement/session-settings.ts';

/** What the gateway decides on when somebody asks for a tenant; all else of a row is in its registration with the pools. */
export interface KnownTenant {
  readonly tenantId: string;
  readonly tier: Tier;
  /** `unreadable`: the last row could not be read, so nothing that was known before may be relied on. */
  readonly status: TenantStatus | 'unreadable';
  /** By user id. Of an unreadable tenant the last ones known: they decide only how a refusal is worded. */
  readonly grants: ReadonlyMap<string, GrantRole>;
  /** By `boundKey` of the user id: what a user may do at most whose token names the tenant. */
  readonly bounds: ReadonlyMap<string, Bound>;
  /** Since when its id has been this tenant's, in seconds since 1970: a token issued earlier names another one. 0 for the first of its id. */
  readonly since: number;
}

/** The role of a grant, or that there was one and it was taken away. */
export type Bound = GrantRole | 'revoked';

/** For bounds addresses differ by more than the case of their letters: writing one differently lifts nothing. */
export const boundKey = (user: string): string => user.toLowerCase();

const NO_GRANTS: ReadonlyMap<string, GrantRole> = new Map();
const NO_BOUNDS: ReadonlyMap<string, Bound> = new Map();

export function toKnownTenant(row: DirectoryRow): KnownTenant {
  const { tenant_id: tenantId, tier, status, revoked_user_ids: revoked = [] } = row;
  // A token says when it was issued in whole seconds.
  const since = row.life === 1 ? 0 : Math.floor(Date.parse(row.created_at) / 1000);
  const known = { tenantId, tier, status, since };
  if (row.grants.length === 0 && revoked.length === 0) return { ...known, grants: NO_GRANTS, bounds: NO_BOUNDS };
  const grants = new Map(row.grants.map(({ user_id: user, role }) => [user, role]));
  const bounds = new Map<string, Bound>(revoked.map((user) => [boundKey(user), 'revoked']));
  // In the order in which they were given: of two that differ in case alone the later one counts.
  for (const [user, role] of grants) bounds.set(boundKey(user), role);
  return { ...known, grants, bounds };
}

export const toUnreadable = (tenantId: string, before: KnownTenant | undefined): KnownTenant => ({
  tenantId,
  tier: before?.tier ?? 'small',
  status: 'unreadable',
  grants: before?.grants ?? NO_GRANTS,
  bounds: before?.bounds ?? NO_BOUNDS,
  since: before?.since ?? 0,
});

export interface RegistrationOptions {
  /** Gateways that share the tenant's totals. */
  readonly gateways: number;
  /** Opens a sealed password of one login role. Throws when it cannot be. */
  readonly open: (sealed: { tenantId: string; role: string; sealed: string }) => string;
}

/**
 * How the pools reach an active tenant; undefined while the row does not say (no home or no credential yet). Sealed passwords stay sealed
 * until a connection needs one: the one in force first, then the one that is about to be.
 */
export function toRegistration(row: DirectoryRow, { gateways, open }: RegistrationOptions): TenantRegistration | undefined {
  const { tenant_id: tenantId, db_host: host, db_port: port, db_name: database, credential, next_credential: next } = row;
  if (row.status !== 'active' || host === null || port === null || database === null || credential === null) return undefined;
  const schema = row.tier === 'standard' ? row.schema_name : 'app';
  if (schema === null) return undefined;
  const inOrder = next === null ? [credential] : [credential, next];
  const passwords = (pick: (of: DirectoryCredential) => { role: string; sealed: string }) =>
    inOrder.map((of) => {
      const { role, sealed } = pick(of);
      return async () => open({ tenantId, role, sealed });
    });
  const share = (total: number): number => Math.max(1, Math.floor(total / gateways));
  const replica =
    row.readonly_db_host === null || row.readonly_db_port === null
      ? {}
      : { replica: { host: row.readonly_db_host, port: row.readonly_db_port } };
  return {
    tenantId,
    database,
    primary: { host, port },
    ...replica,
    readwrite: {
      user: credential.db_username,
      passwords: passwords((of) => ({ role: of.db_username, sealed: of.db_password_encrypted })),
    },
    readonly: {
      user: credential.readonly_db_username,
      passwords: passwords((of) => ({ role: of.readonly_db_username, sealed: of.readonly_db_password_encrypted })),
    },
    // A minimum of none stays none.
    minConnections: Math.min(Math.ceil(row.min_connections / gateways), share(row.max_connections)),
    maxConnections: share(row.max_connections),
    maxConcurrentQueries: share(row.max_concurrent_queries),
    connectionTimeoutMs: row.connection_timeout_seconds * 1000,
    idleTimeoutMs: row.idle_timeout_seconds * 1000,
    maxMemoryMb: Math.floor(row.max_memory_mb),
    settings: sessionSettings(schema),
  };
}
