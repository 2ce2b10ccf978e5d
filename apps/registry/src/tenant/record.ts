import type { TenantFact } from './facts.ts';
import type { ExistingTenant, RequestKind, Requests, TenantRecord } from './state.ts';

/** Changed by something that the registry decided, at a time. */
export const stamped = <State extends TenantRecord>(state: State, at: string): State => ({
  ...state,
  updatedAt: at,
  decidedRevision: state.revision,
});

/** With the last request of one kind replaced. */
export const withRequest = <State extends TenantRecord, Kind extends RequestKind>(
  state: State,
  kind: Kind,
  request: Requests[Kind],
): State => ({ ...state, requests: { ...state.requests, [kind]: request } });

/** Whether a fact is about the open request of a kind. */
export const concernsOpenRequest = (state: ExistingTenant, kind: RequestKind, fact: TenantFact): boolean => {
  const request = state.requests[kind];
  return request?.outcome === 'open' && request.id === fact.data.requestId;
};

/** Leaves behind what belongs to a status. */
export function recordOf(state: ExistingTenant): TenantRecord {
  const { tenantId, tenantName, tier, ownerEmail, dbHost, dbPort, settings, legalHold, replica, requests } = state;
  const { grants, revokedUsers, createdAt, createdBy, updatedAt, life, revision, decidedRevision } = state;
  const identity = { tenantId, tenantName, tier, ownerEmail, dbHost, dbPort, settings, legalHold, replica, requests };
  return { ...identity, grants, revokedUsers, createdAt, createdBy, updatedAt, life, revision, decidedRevision };
}
