export type Tier = 'enterprise' | 'standard' | 'small';

/** What can be asked for that has an end, by the names that the directory gives it. */
export const WORK_KINDS = ['provision', 'rotate', 'purge', 'migrate', 'verify_replica'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

interface RequestState {
  readonly id: string;
  readonly outcome: 'open' | 'done' | 'failed' | 'cancelled';
}

/** What a decision needs of a tenant's directory row; a contract row fits as it is. */
export interface WantedTenant {
  readonly tenant_id: string;
  readonly tier: Tier;
  readonly status: 'provisioning' | 'active' | 'failed' | 'suspended' | 'terminated' | 'purged';
  readonly revision: number;
  readonly home_request_id: string | null;
  readonly max_connections: number;
  readonly credential: { readonly request_id: string } | null;
  readonly next_credential: { readonly request_id: string } | null;
  readonly requests: Readonly<Record<Exclude<WorkKind, 'provision'>, RequestState | null>> & {
    readonly provision: (RequestState & { readonly attempt: number }) | null;
  };
}

/** Why a request cannot go on. Kept with the item, so that undoing and reporting survive a crash. */
export interface Failure {
  readonly step: string;
  readonly code: string;
  /** For people. Holds no secret. */
  readonly reason: string;
  /** Of the migration that failed, where one did. */
  readonly migrationVersion?: string;
  /** What Postgres said of that migration. */
  readonly sqlState?: string;
}

/**
 * `open`: to be done. `undo`: it failed; what it made is being removed, if it makes anything, and the failure is told.
 * `sent`: all done and told, the registry has not answered yet.
 */
export type ItemState = 'open' | 'undo' | 'sent';

export interface Situation {
  readonly item: {
    readonly requestId: string;
    readonly tenantId: string;
    readonly kind: WorkKind;
    /** Revision in the tenant's stream of the event that asks. */
    readonly revision: number;
    readonly state: ItemState;
    readonly failure: Failure | null;
  };
  /** The newest row received, if any. */
  readonly row: WantedTenant | null;
  readonly closed: ReadonlySet<string>;
}

export type Outcome = 'done' | 'failed' | 'cancelled' | 'superseded';

export type Decision =
  /** Nothing may be done before a newer directory row arrives. */
  | { readonly do: 'wait' }
  | { readonly do: 'step'; readonly step: string }
  /** A step of leaving: what was made is removed, or the failure told. */
  | { readonly do: 'undo'; readonly step: string }
  | { readonly do: 'close'; readonly outcome: Outcome };

/** What the directory says of a request: not yet anything, go on, it has an end, or another request has taken its place. */
export type Verdict = 'unknown' | 'go_on' | Outcome;

/**
 * The registry's word on the item's request. A request that no row names (forged, of an earlier life, or overtaken by another) is
 * superseded: nothing is done for it.
 */
export const verdictOn = ({ item, row }: Situation): Verdict => {
  if (row === null || row.revision < item.revision) return 'unknown';
  const request = row.requests[item.kind];
  if (request?.id !== item.requestId) return 'superseded';
  return request.outcome === 'open' ? 'go_on' : request.outcome;
};
