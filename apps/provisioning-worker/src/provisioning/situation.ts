import type { StepName } from './steps.ts';

export type Tier = 'enterprise' | 'standard' | 'small';

/** What a decision needs of a tenant's directory row; a contract row fits as it is. */
export interface WantedTenant {
  readonly tenant_id: string;
  readonly tier: Tier;
  readonly status: 'provisioning' | 'active' | 'failed' | 'suspended' | 'terminated' | 'purged';
  readonly revision: number;
  readonly home_request_id: string | null;
  readonly max_connections: number;
  readonly credential: { readonly request_id: string } | null;
  readonly requests: {
    readonly provision: {
      readonly id: string;
      readonly outcome: 'open' | 'done' | 'failed' | 'cancelled';
      readonly attempt: number;
    } | null;
  };
}

/** Why a creation cannot go on. Kept with the item, so that undoing and reporting survive a crash. */
export interface Failure {
  readonly step: StepName;
  readonly code: string;
  /** For people. Holds no secret. */
  readonly reason: string;
  /** Of the migration that failed, where one did. */
  readonly migrationVersion?: string;
  /** Set when undoing was given up: something of the home may be left. */
  readonly notCleanedUp?: true;
}

/** `open`: to be done. `undo`: what it made is being removed. `sent`: all done and told, the registry has not answered yet. */
export type ItemState = 'open' | 'undo' | 'sent';

export interface Situation {
  readonly item: {
    readonly requestId: string;
    readonly tenantId: string;
    /** Revision in the tenant's stream of the event that asks. */
    readonly revision: number;
    readonly state: ItemState;
    readonly failure: Failure | null;
  };
  /** The newest row received, if any. */
  readonly row: WantedTenant | null;
  readonly closed: ReadonlySet<string>;
}
