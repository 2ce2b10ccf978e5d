import type {
  CredentialsIssued,
  ProvisioningStarted,
  TenantActivated,
  TenantCreated,
  TenantEvent,
  TenantFact,
} from './events.ts';
import type { ExistingTenant, FailedTenant, ProvisioningTenant, TenantRecord, TenantState } from './state.ts';

export const initialState = (): TenantState => ({ status: 'none' });

/**
 * The fold. Total: an event that does not fit the state it meets (a fact of another request, of a closed one, one that comes twice
 * or too early) moves the revision and nothing else.
 */
export function evolve(state: TenantState, event: TenantEvent): TenantState {
  if (event.type === 'TenantCreated') return created(state, event.data);
  if (state.status === 'none') return state;
  const next = { ...state, revision: state.revision + 1 };
  switch (event.type) {
    case 'ProvisioningRetryRequested': {
      const { requestId: id, attempt, requestedAt } = event.data;
      return provisioning(decided(recordOf(next), requestedAt), { id, attempt, requestedAt });
    }
    case 'TenantActivated':
      return activated(next, event.data);
    case 'TenantTerminated': {
      const { reason, terminatedAt, purgeAfter } = event.data;
      const { id, attempt, requestedAt, outcome } = next.provision;
      return {
        ...decided(recordOf(next), terminatedAt),
        status: 'terminated',
        provision: { id, attempt, requestedAt, outcome: outcome === 'failed' ? 'failed' : 'cancelled' },
        reason,
        terminatedAt,
        purgeAfter,
      };
    }
    case 'ProvisioningStarted':
    case 'CredentialsIssued':
    case 'DatabaseCreated':
    case 'SchemaCreated':
    case 'MigrationsCompleted':
    case 'MigrationsFailed':
    case 'ProvisioningFailed':
      return next.status === 'provisioning' && concernsOpenRequest(next, event) ? withFact(next, event) : next;
    default:
      return event satisfies never;
  }
}

/** Whether a fact is about the request that is open: only then it changes anything. */
export const concernsOpenRequest = (state: ProvisioningTenant, fact: TenantFact): boolean =>
  state.provision.id === fact.data.requestId;

function created(state: TenantState, data: TenantCreated['data']): TenantState {
  const { requestId, ...rest } = data;
  const revision = state.status === 'none' ? 0 : state.revision + 1;
  return provisioning(
    {
      ...rest,
      updatedAt: data.createdAt,
      life: state.status === 'none' ? 1 : state.life + 1,
      revision,
      decidedRevision: revision,
    },
    { id: requestId, attempt: 1, requestedAt: data.createdAt },
  );
}

function withFact(state: ProvisioningTenant, fact: TenantFact): ProvisioningTenant | FailedTenant {
  switch (fact.type) {
    case 'ProvisioningStarted':
      return started(state, fact.data);
    case 'CredentialsIssued':
      return issued(state, fact.data);
    case 'DatabaseCreated': {
      const home = { dbName: fact.data.dbName, schemaName: state.home?.schemaName ?? null };
      return { ...state, home, updatedAt: fact.data.createdAt };
    }
    case 'SchemaCreated': {
      const home = { dbName: fact.data.dbName, schemaName: fact.data.schemaName };
      return { ...state, home, updatedAt: fact.data.createdAt };
    }
    case 'MigrationsCompleted':
      return { ...state, migrationVersion: fact.data.migrationVersion, updatedAt: fact.data.completedAt };
    // The worker decides whether it tries again; only ProvisioningFailed closes the request.
    case 'MigrationsFailed':
      return { ...state, updatedAt: fact.data.failedAt };
    case 'ProvisioningFailed': {
      const { step, code, reason, cleanedUp, failedAt } = fact.data;
      return {
        ...recordOf(state),
        status: 'failed',
        updatedAt: failedAt,
        provision: { ...state.provision, outcome: 'failed' },
        failure: { step, code, reason, cleanedUp, failedAt },
      };
    }
    default:
      return fact satisfies never;
  }
}

function started(state: ProvisioningTenant, data: ProvisioningStarted['data']): ProvisioningTenant {
  return { ...state, home: { dbName: data.dbName, schemaName: data.schemaName }, updatedAt: data.startedAt };
}

function issued(state: ProvisioningTenant, { issuedAt, ...nextCredential }: CredentialsIssued['data']): ProvisioningTenant {
  return { ...state, nextCredential, updatedAt: issuedAt };
}

function activated(state: ExistingTenant, { activatedAt }: TenantActivated['data']): TenantState {
  if (state.status !== 'provisioning') return state;
  const { home, nextCredential, migrationVersion } = state;
  if (!home || !nextCredential || migrationVersion === null) return state;
  return {
    ...decided(recordOf(state), activatedAt),
    status: 'active',
    provision: { ...state.provision, outcome: 'done' },
    home,
    credential: nextCredential,
    nextCredential: null,
    migrationVersion,
    activatedAt,
  };
}

function provisioning(
  record: TenantRecord,
  request: { readonly id: string; readonly attempt: number; readonly requestedAt: string },
): ProvisioningTenant {
  return {
    ...record,
    status: 'provisioning',
    provision: { ...request, outcome: 'open' },
    home: null,
    nextCredential: null,
    migrationVersion: null,
  };
}

const decided = (record: TenantRecord, at: string): TenantRecord => ({
  ...record,
  updatedAt: at,
  decidedRevision: record.revision,
});

/** Leaves behind what belongs to a status. */
function recordOf(state: ExistingTenant): TenantRecord {
  const { tenantId, tenantName, tier, ownerEmail, dbHost, dbPort, settings } = state;
  const { createdAt, createdBy, updatedAt, life, revision, decidedRevision } = state;
  const identity = { tenantId, tenantName, tier, ownerEmail, dbHost, dbPort, settings };
  return { ...identity, createdAt, createdBy, updatedAt, life, revision, decidedRevision };
}
