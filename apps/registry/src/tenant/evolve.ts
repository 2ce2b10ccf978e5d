import type { TenantActivated, TenantCreated, TenantEvent, TenantTerminated } from './events.ts';
import { isSettingsEvent, withSettings } from './evolve-settings.ts';
import { withProvisioningFact, withRequestFact } from './evolve-facts.ts';
import type { TenantFact } from './facts.ts';
import { recordOf, stamped, withRequest } from './record.ts';
import {
  isHoused,
  type ExistingTenant,
  type ProvisioningTenant,
  type RequestKind,
  type Requests,
  type TenantRecord,
  type TenantState,
} from './state.ts';

export const initialState = (): TenantState => ({ status: 'none' });

/**
 * The fold. Total: an event that does not fit the state it meets (a fact of another request, of a closed one, one that comes twice
 * or too early) moves the revision and nothing else.
 */
export function evolve(state: TenantState, event: TenantEvent): TenantState {
  if (event.type === 'TenantCreated') return created(state, event.data);
  if (state.status === 'none') return state;
  const next = { ...state, revision: state.revision + 1 };
  if (isSettingsEvent(event)) return withSettings(next, event);
  switch (event.type) {
    case 'ProvisioningRetryRequested': {
      const { requestId: id, attempt, requestedAt, migrationVersion = null } = event.data;
      return provisioning(stamped(recordOf(next), requestedAt), { id, attempt, requestedAt }, migrationVersion);
    }
    case 'TenantActivated':
      return activated(next, event.data);
    case 'TenantSuspended': {
      if (next.status !== 'active') return next;
      const { reason, suspendedAt } = event.data;
      return { ...stamped(next, suspendedAt), status: 'suspended', reason, suspendedAt };
    }
    case 'TenantReactivated': {
      if (next.status !== 'suspended') return next;
      const { reason: _, suspendedAt: __, ...rest } = next;
      return { ...stamped(rest, event.data.reactivatedAt), status: 'active' };
    }
    case 'TenantTerminated':
      return terminated(next, event.data);
    case 'LegalHoldPlaced':
      return { ...stamped(next, event.data.placedAt), legalHold: true };
    case 'LegalHoldReleased':
      return { ...stamped(next, event.data.releasedAt), legalHold: false };
    case 'PurgeRequested':
    case 'PasswordRotationRequested': {
      const { requestId: id, requestedAt } = event.data;
      const kind = event.type === 'PurgeRequested' ? 'purge' : 'rotate';
      return withRequest(stamped(next, requestedAt), kind, { id, requestedAt, outcome: 'open' });
    }
    case 'MigrationRequested': {
      const { requestId: id, requestedAt, targetVersion } = event.data;
      return withRequest(stamped(next, requestedAt), 'migrate', { id, requestedAt, outcome: 'open', targetVersion });
    }
    case 'MigrationCancelled': {
      const { requestId, cancelledAt } = event.data;
      const { migrate } = next.requests;
      if (migrate?.id !== requestId) return next;
      return { ...stamped(next, cancelledAt), requests: { ...next.requests, migrate: cancelled(migrate) } };
    }
    case 'ReadReplicaRequested': {
      const { requestId: id, requestedAt, host, port } = event.data;
      return withRequest(stamped(next, requestedAt), 'verifyReplica', { id, requestedAt, outcome: 'open', host, port });
    }
    case 'ReadReplicaAdded': {
      const { requestId, host, port, addedAt } = event.data;
      const request = next.requests.verifyReplica;
      if (request?.id !== requestId) return next;
      return {
        ...withRequest(stamped(next, addedAt), 'verifyReplica', { ...request, outcome: 'done' }),
        replica: { host, port },
      };
    }
    case 'ReadReplicaRemoved':
      return { ...stamped(next, event.data.removedAt), replica: null };
    default:
      return withFact(next, event);
  }
}

/** Whether a fact is about the creation that is open: only then it changes anything of a tenant without a home. */
export const concernsOpenProvisioning = (state: ProvisioningTenant, fact: TenantFact): boolean =>
  state.provision.id === fact.data.requestId;

function withFact(state: ExistingTenant, fact: TenantFact): ExistingTenant {
  if (state.status === 'provisioning') {
    return concernsOpenProvisioning(state, fact) ? withProvisioningFact(state, fact) : state;
  }
  return withRequestFact(state, fact);
}

const NO_REQUESTS: Requests = { rotate: null, purge: null, migrate: null, verifyReplica: null };

function created(state: TenantState, data: TenantCreated['data']): TenantState {
  const { requestId, migrationVersion = null, ...rest } = data;
  const revision = state.status === 'none' ? 0 : state.revision + 1;
  return provisioning(
    {
      ...rest,
      grants: [],
      revokedUsers: [],
      legalHold: false,
      replica: null,
      requests: NO_REQUESTS,
      updatedAt: data.createdAt,
      life: state.status === 'none' ? 1 : state.life + 1,
      revision,
      decidedRevision: revision,
    },
    { id: requestId, attempt: 1, requestedAt: data.createdAt },
    migrationVersion,
  );
}

function activated(state: ExistingTenant, { activatedAt }: TenantActivated['data']): TenantState {
  if (state.status !== 'provisioning') return state;
  const { home, nextCredential, migrationVersion } = state;
  if (!home || !nextCredential || migrationVersion === null) return state;
  return {
    ...stamped(recordOf(state), activatedAt),
    status: 'active',
    provision: { ...state.provision, outcome: 'done' },
    home,
    credential: nextCredential,
    credentialSince: activatedAt,
    nextCredential: null,
    migrationVersion,
    activatedAt,
    schemaDrift: null,
  };
}

/** What is under way for the tenant's working life has no more point; a home that was finished stays until it is purged. */
function terminated(state: ExistingTenant, data: TenantTerminated['data']): TenantState {
  const { reason, terminatedAt, purgeAfter } = data;
  const { rotate, migrate, verifyReplica, purge } = state.requests;
  const record: TenantRecord = {
    ...stamped(recordOf(state), terminatedAt),
    requests: { purge, rotate: cancelled(rotate), migrate: cancelled(migrate), verifyReplica: cancelled(verifyReplica) },
  };
  const ended = { status: 'terminated', reason, terminatedAt, purgeAfter } as const;
  if (isHoused(state)) {
    const { provision, home, credential, credentialSince, migrationVersion, activatedAt, schemaDrift } = state;
    const housed = { provision, home, credential, credentialSince, migrationVersion, activatedAt, schemaDrift };
    return { ...record, ...ended, ...housed, nextCredential: null };
  }
  const { id, attempt, requestedAt, outcome } = state.provision;
  return { ...record, ...ended, provision: { id, attempt, requestedAt, outcome: outcome === 'failed' ? 'failed' : 'cancelled' } };
}

const cancelled = <Kind extends Requests[RequestKind]>(request: Kind): Kind =>
  request?.outcome === 'open' ? { ...request, outcome: 'cancelled' } : request;

function provisioning(
  record: TenantRecord,
  request: { readonly id: string; readonly attempt: number; readonly requestedAt: string },
  targetVersion: string | null,
): ProvisioningTenant {
  return {
    ...record,
    status: 'provisioning',
    provision: { ...request, outcome: 'open' },
    home: null,
    nextCredential: null,
    migrationVersion: null,
    targetVersion,
  };
}
