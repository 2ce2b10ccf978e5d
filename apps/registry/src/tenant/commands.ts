import type { CancelCode, GrantRole } from './events.ts';
import type { TenantFact, Tier } from './facts.ts';
import type { ConfigKey, ConfigValue, ResourceType, TenantSettings } from './settings.ts';

/** Times are ISO 8601 in UTC. Ids and times arrive here because deciding has no clock and no random. */
interface Timed {
  readonly now: string;
}

/** For a caller who said which version of the tenant the command is meant for (HTTP `If-Match`). */
interface Conditional {
  /** Revision of the last event the registry decided, as the caller saw it. */
  readonly ifMatch?: number;
}

/** Who asks, for the record. */
interface Command<Type extends string> extends Timed, Conditional {
  readonly type: Type;
  readonly by: string;
}

/** A command that asks for work with an end. */
interface Request<Type extends string> extends Command<Type> {
  /** The id that the event which asks will have. */
  readonly requestId: string;
}

export interface CreateTenant extends Timed {
  readonly type: 'CreateTenant';
  /** The id that the event asking for a home will have. */
  readonly requestId: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly tier: Tier;
  readonly ownerEmail: string;
  readonly createdBy: string;
  readonly placement: {
    readonly host: string;
    readonly port: number;
    /** Connections the server can give in all; null where its budget is not known. */
    readonly connectionBudget: number | null;
  };
  readonly settings: TenantSettings;
  /** What the home is to be made of; of all the migrations that there are where nothing is said. */
  readonly migrationVersion?: string;
}

export interface RetryProvisioning extends Request<'RetryProvisioning'> {
  readonly migrationVersion?: string;
}

export interface SuspendTenant extends Command<'SuspendTenant'> {
  readonly reason: string;
}
export type ReactivateTenant = Command<'ReactivateTenant'>;
export interface TerminateTenant extends Command<'TerminateTenant'> {
  readonly reason: string;
  readonly dataRetentionDays: number;
}
export interface PlaceLegalHold extends Command<'PlaceLegalHold'> {
  readonly reason: string;
}
export interface ReleaseLegalHold extends Command<'ReleaseLegalHold'> {
  readonly reason: string;
}

export interface PurgeTenant extends Request<'PurgeTenant'> {
  readonly reason: string;
  /** Before the retention has passed. */
  readonly early: boolean;
}
export interface MigrateTenant extends Request<'MigrateTenant'> {
  readonly targetVersion: string;
  readonly rolloutId: string;
  /** Refused for a suspended tenant, too: one by one they are migrated, in a rollout they are left out. */
  readonly onlyActive?: boolean;
}
export interface CancelMigration extends Command<'CancelMigration'> {
  readonly code: CancelCode;
  readonly reason: string;
  /** Only the request of this id; whichever is open when left out. */
  readonly only?: string;
}
export interface RotatePassword extends Request<'RotatePassword'> {
  readonly reason: string;
}
export interface AddReadReplica extends Request<'AddReadReplica'> {
  readonly host: string;
  readonly port: number;
}
export type RemoveReadReplica = Command<'RemoveReadReplica'>;

/** All changes or none. */
export interface ConfigureTenant extends Command<'ConfigureTenant'> {
  readonly changes: readonly { readonly key: ConfigKey; readonly value: ConfigValue }[];
}
export interface ResizePool extends Command<'ResizePool'> {
  readonly minConnections: number;
  readonly maxConnections: number;
  readonly reason: string;
  /** Connections the tenant's server can give in all; null where its budget is not known. */
  readonly connectionBudget: number | null;
}
export interface ScaleTenant extends Command<'ScaleTenant'> {
  readonly resourceType: ResourceType;
  readonly newLimit: number;
  readonly reason: string;
  readonly recommendationId: string | null;
  readonly connectionBudget: number | null;
}
export interface GrantAccess extends Command<'GrantAccess'> {
  readonly userId: string;
  readonly role: GrantRole;
}
export interface RevokeAccess extends Command<'RevokeAccess'> {
  readonly userId: string;
}

export interface RecordFact extends Timed {
  readonly type: 'RecordFact';
  readonly fact: TenantFact;
}

export type LifecycleCommand =
  | RetryProvisioning
  | SuspendTenant
  | ReactivateTenant
  | TerminateTenant
  | PlaceLegalHold
  | ReleaseLegalHold;
export type RequestCommand = PurgeTenant | MigrateTenant | CancelMigration | RotatePassword | AddReadReplica | RemoveReadReplica;
export type SettingsCommand = ConfigureTenant | ResizePool | ScaleTenant | GrantAccess | RevokeAccess;

/** Commands about a tenant that exists. */
export type ExistingTenantCommand = LifecycleCommand | RequestCommand | SettingsCommand;
export type TenantCommand = CreateTenant | ExistingTenantCommand | RecordFact;
