import type { GrantRole } from './events.ts';
import type { Credential, Tier } from './facts.ts';
import type { TenantSettings } from './settings.ts';

/** Where a tenant's data lives on its server. */
interface Home {
  readonly dbName: string;
  /** Null where the whole database is the tenant's. */
  readonly schemaName: string | null;
}

export type RequestOutcome = 'open' | 'done' | 'failed' | 'cancelled';

interface ProvisionRequest<Outcome extends RequestOutcome> {
  /** The id of the event that asked. */
  readonly id: string;
  /** 1 for the creation, one more for each retry. */
  readonly attempt: number;
  readonly requestedAt: string;
  readonly outcome: Outcome;
}

/** The last request of a kind. */
export interface Request {
  /** The id of the event that asked. */
  readonly id: string;
  readonly requestedAt: string;
  readonly outcome: RequestOutcome;
}

/** By kind, the last request that was made in this life. */
export interface Requests {
  readonly rotate: Request | null;
  readonly purge: Request | null;
  readonly migrate: (Request & { readonly targetVersion: string }) | null;
  readonly verifyReplica: (Request & Replica) | null;
}
export type RequestKind = keyof Requests;

/** A standby of the tenant's server that its reads may go to. */
export interface Replica {
  readonly host: string;
  readonly port: number;
}

export interface Grant {
  readonly userId: string;
  readonly role: GrantRole;
}

/** What is known of a tenant whatever its status. */
export interface TenantRecord {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly tier: Tier;
  readonly ownerEmail: string;
  readonly dbHost: string;
  readonly dbPort: number;
  readonly settings: TenantSettings;
  /** In the order in which they were given. */
  readonly grants: readonly Grant[];
  /** Those who had a grant in this life and have none now. */
  readonly revokedUsers: readonly string[];
  readonly legalHold: boolean;
  readonly replica: Replica | null;
  readonly requests: Requests;
  readonly createdAt: string;
  readonly createdBy: string;
  /** Time of the last event that changed anything here. */
  readonly updatedAt: string;
  /** 1 for the first tenant of this id, one more after each purge and new creation. */
  readonly life: number;
  /** Of the last event in the stream, recorded facts without effect included. */
  readonly revision: number;
  /** Of the last event that the registry decided: the tenant's ETag. Facts do not move it. */
  readonly decidedRevision: number;
}

/** What was last told of how a home compares with what its version should look like. */
export interface SchemaDrift {
  /** How often that has changed in this life. */
  readonly change: number;
  /** Null where the home was as it should be. */
  readonly found: {
    readonly migrationVersion: string;
    readonly fingerprint: string;
    /** The first of them; `differenceCount` is of all. */
    readonly differences: readonly string[];
    readonly differenceCount: number;
    readonly detectedAt: string;
  } | null;
}

/** What a finished creation has given a tenant, and what of it is changed by rotations and migrations. */
interface Housed {
  readonly provision: ProvisionRequest<'done'>;
  readonly home: Home;
  /** In force. */
  readonly credential: Credential;
  /** When it came into force. */
  readonly credentialSince: string;
  /** Issued for the open rotation, not yet in force. */
  readonly nextCredential: Credential | null;
  readonly migrationVersion: string;
  readonly activatedAt: string;
  /** Null while nothing was told. */
  readonly schemaDrift: SchemaDrift | null;
}

interface NoTenant {
  readonly status: 'none';
}
export interface ProvisioningTenant extends TenantRecord {
  readonly status: 'provisioning';
  readonly provision: ProvisionRequest<'open'>;
  readonly home: Home | null;
  /** Issued for the open request, not yet in force. */
  readonly nextCredential: Credential | null;
  readonly migrationVersion: string | null;
  /** What the home is to be made of; null for all the migrations that there are. */
  readonly targetVersion: string | null;
}
interface ActiveTenant extends TenantRecord, Housed {
  readonly status: 'active';
}
interface SuspendedTenant extends TenantRecord, Housed {
  readonly status: 'suspended';
  readonly reason: string;
  readonly suspendedAt: string;
}
export interface FailedTenant extends TenantRecord {
  readonly status: 'failed';
  readonly provision: ProvisionRequest<'failed'>;
  readonly failure: {
    readonly step: string;
    readonly code: string;
    readonly reason: string;
    readonly cleanedUp: boolean;
    readonly failedAt: string;
  };
}
interface Ended {
  readonly status: 'terminated';
  readonly reason: string;
  readonly terminatedAt: string;
  readonly purgeAfter: string;
}
/** One that never was active, so that there is no data to keep. */
interface TerminatedEarly extends TenantRecord, Ended {
  readonly provision: ProvisionRequest<'failed' | 'cancelled'>;
}
/** One whose data is kept until it is purged. */
interface TerminatedWithData extends TenantRecord, Housed, Ended {}
export type TerminatedTenant = TerminatedEarly | TerminatedWithData;

interface PurgedTenant extends TenantRecord {
  readonly status: 'purged';
  readonly provision: ProvisionRequest<'done' | 'failed' | 'cancelled'>;
  readonly purgedAt: string;
}

/** A tenant that has a home to work with. */
export type HousedTenant = ActiveTenant | SuspendedTenant;
export type ExistingTenant = ProvisioningTenant | HousedTenant | FailedTenant | TerminatedTenant | PurgedTenant;
/** A tenant as the fold of its stream. */
export type TenantState = NoTenant | ExistingTenant;
export type TenantStatus = ExistingTenant['status'];

/** Whether the home that the provisioning request made is the tenant's, and still there. */
export const isHoused = (state: ExistingTenant): state is HousedTenant | TerminatedWithData => 'credential' in state;
