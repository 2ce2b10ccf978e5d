import type { Event, TenantFact, Tier } from './facts.ts';
import type { ConfigKey, ConfigValue, ResourceType, TenantSettings } from './settings.ts';

export const GRANT_ROLES = ['owner', 'developer', 'analyst', 'auditor'] as const;
export type GrantRole = (typeof GRANT_ROLES)[number];

/** Asks for a home: its own event id is the id of the provisioning request. */
export type TenantCreated = Event<
  'TenantCreated',
  {
    readonly requestId: string;
    readonly tenantId: string;
    readonly tenantName: string;
    readonly tier: Tier;
    readonly ownerEmail: string;
    readonly createdAt: string;
    readonly createdBy: string;
    readonly dbHost: string;
    readonly dbPort: number;
    readonly settings: TenantSettings;
    /** What the home is made of; of all the migrations that there are where nothing is said. */
    readonly migrationVersion?: string;
  }
>;
/** Asks for a home once more; supersedes the request before it. */
type ProvisioningRetryRequested = Event<
  'ProvisioningRetryRequested',
  {
    readonly requestId: string;
    readonly attempt: number;
    readonly requestedBy: string;
    readonly requestedAt: string;
    /** As of a creation. */
    readonly migrationVersion?: string;
  }
>;
export type TenantActivated = Event<'TenantActivated', { readonly requestId: string; readonly activatedAt: string }>;
type TenantSuspended = Event<
  'TenantSuspended',
  { readonly reason: string; readonly suspendedBy: string; readonly suspendedAt: string }
>;
type TenantReactivated = Event<'TenantReactivated', { readonly reactivatedBy: string; readonly reactivatedAt: string }>;
export type TenantTerminated = Event<
  'TenantTerminated',
  {
    readonly reason: string;
    readonly terminatedBy: string;
    readonly terminatedAt: string;
    readonly dataRetentionDays: number;
    readonly purgeAfter: string;
  }
>;

type LegalHoldPlaced = Event<
  'LegalHoldPlaced',
  { readonly reason: string; readonly placedBy: string; readonly placedAt: string }
>;
type LegalHoldReleased = Event<
  'LegalHoldReleased',
  { readonly reason: string; readonly releasedBy: string; readonly releasedAt: string }
>;
/** Asks that everything of the tenant be removed. */
type PurgeRequested = Event<
  'PurgeRequested',
  { readonly requestId: string; readonly reason: string; readonly requestedBy: string; readonly requestedAt: string }
>;
/** Asks that the home be brought to a version of the migrations. */
type MigrationRequested = Event<
  'MigrationRequested',
  {
    readonly requestId: string;
    readonly targetVersion: string;
    readonly rolloutId: string;
    readonly requestedBy: string;
    readonly requestedAt: string;
  }
>;
/** Who does not wait for a migration any more: an operator, or the rollout that asked for it. */
export type CancelCode = 'operator' | 'not_ended_in_time';
/** The migration is not waited for any more. What was done of it stays. */
type MigrationCancelled = Event<
  'MigrationCancelled',
  {
    /** Of the migration. */
    readonly requestId: string;
    readonly code: CancelCode;
    readonly reason: string;
    readonly cancelledBy: string;
    readonly cancelledAt: string;
  }
>;
/** Asks for new passwords of both logins. */
type PasswordRotationRequested = Event<
  'PasswordRotationRequested',
  { readonly requestId: string; readonly reason: string; readonly requestedBy: string; readonly requestedAt: string }
>;
/** Asks that a standby be looked at, before it is used. */
type ReadReplicaRequested = Event<
  'ReadReplicaRequested',
  {
    readonly requestId: string;
    readonly host: string;
    readonly port: number;
    readonly requestedBy: string;
    readonly requestedAt: string;
  }
>;
type ReadReplicaAdded = Event<
  'ReadReplicaAdded',
  { readonly requestId: string; readonly host: string; readonly port: number; readonly addedAt: string }
>;
type ReadReplicaRemoved = Event<
  'ReadReplicaRemoved',
  { readonly host: string; readonly port: number; readonly removedBy: string; readonly removedAt: string }
>;

type ConfigUpdated = Event<
  'ConfigUpdated',
  {
    readonly key: ConfigKey;
    readonly oldValue: ConfigValue;
    readonly newValue: ConfigValue;
    readonly updatedBy: string;
    readonly updatedAt: string;
  }
>;
type ConnectionPoolResized = Event<
  'ConnectionPoolResized',
  {
    readonly oldMinConnections: number;
    readonly newMinConnections: number;
    readonly oldMaxConnections: number;
    readonly newMaxConnections: number;
    readonly reason: string;
    readonly resizedBy: string;
    readonly resizedAt: string;
  }
>;
interface Scaling {
  readonly resourceType: ResourceType;
  readonly oldLimit: number;
  readonly newLimit: number;
  readonly reason: string;
  /** The recommendation that was followed, if one was. */
  readonly recommendationId: string | null;
  readonly scaledAt: string;
}
type ScaledUp = Event<'ScaledUp', Scaling>;
type ScaledDown = Event<'ScaledDown', Scaling>;

type AccessGranted = Event<
  'AccessGranted',
  { readonly userId: string; readonly role: GrantRole; readonly grantedBy: string; readonly grantedAt: string }
>;
type AccessRevoked = Event<
  'AccessRevoked',
  { readonly userId: string; readonly role: GrantRole; readonly revokedBy: string; readonly revokedAt: string }
>;

/** Changes what a tenant may use, or who may use it; its status stays. */
export type SettingsEvent = ConfigUpdated | ConnectionPoolResized | ScaledUp | ScaledDown | AccessGranted | AccessRevoked;

/** Asks for work that has an end. */
export type RequestEvent = PurgeRequested | MigrationRequested | PasswordRotationRequested | ReadReplicaRequested;

/** What the registry decides. Moves a tenant's ETag. */
export type DecidedEvent =
  | TenantCreated
  | ProvisioningRetryRequested
  | TenantActivated
  | TenantSuspended
  | TenantReactivated
  | TenantTerminated
  | LegalHoldPlaced
  | LegalHoldReleased
  | MigrationCancelled
  | ReadReplicaAdded
  | ReadReplicaRemoved
  | RequestEvent
  | SettingsEvent;

export type TenantEvent = DecidedEvent | TenantFact;
