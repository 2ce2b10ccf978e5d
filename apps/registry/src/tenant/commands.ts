import type { TenantFact, Tier } from './events.ts';
import type { TenantSettings } from './settings.ts';

/** Times are ISO 8601 in UTC. Ids and times arrive here because deciding has no clock and no random. */
interface Timed {
  readonly now: string;
}

/** For a caller who said which version of the tenant the command is meant for (HTTP `If-Match`). */
interface Conditional {
  /** Revision of the last event the registry decided, as the caller saw it. */
  readonly ifMatch?: number;
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
    /** Connections the server can give in all; null when nobody said. */
    readonly connectionBudget: number | null;
  };
  readonly settings: TenantSettings;
}

export interface RetryProvisioning extends Timed, Conditional {
  readonly type: 'RetryProvisioning';
  /** The id that the event asking for a home will have. */
  readonly requestId: string;
  readonly requestedBy: string;
}

export interface TerminateTenant extends Timed, Conditional {
  readonly type: 'TerminateTenant';
  readonly reason: string;
  readonly terminatedBy: string;
}

export interface RecordFact extends Timed {
  readonly type: 'RecordFact';
  readonly fact: TenantFact;
}

export type TenantCommand = CreateTenant | RetryProvisioning | TerminateTenant | RecordFact;
