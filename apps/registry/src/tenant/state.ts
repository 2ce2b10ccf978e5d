import type { Credential, Tier } from './events.ts';
import type { TenantSettings } from './settings.ts';

/** Where a tenant's data lives on its server. */
interface Home {
  readonly dbName: string;
  /** Null where the whole database is the tenant's. */
  readonly schemaName: string | null;
}

interface ProvisionRequest<Outcome extends 'open' | 'done' | 'failed' | 'cancelled'> {
  /** The id of the event that asked. */
  readonly id: string;
  /** 1 for the creation, one more for each retry. */
  readonly attempt: number;
  readonly requestedAt: string;
  readonly outcome: Outcome;
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
}
interface ActiveTenant extends TenantRecord {
  readonly status: 'active';
  readonly provision: ProvisionRequest<'done'>;
  readonly home: Home;
  readonly credential: Credential;
  readonly nextCredential: Credential | null;
  readonly migrationVersion: string;
  readonly activatedAt: string;
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
interface TerminatedTenant extends TenantRecord {
  readonly status: 'terminated';
  readonly provision: ProvisionRequest<'failed' | 'cancelled'>;
  readonly reason: string;
  readonly terminatedAt: string;
  readonly purgeAfter: string;
}

export type ExistingTenant = ProvisioningTenant | ActiveTenant | FailedTenant | TerminatedTenant;
/** A tenant as the fold of its stream. */
export type TenantState = NoTenant | ExistingTenant;
export type TenantStatus = ExistingTenant['status'];
