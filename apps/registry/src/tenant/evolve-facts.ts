import type { Credential, CredentialsIssued, ProvisioningStarted, TenantFact } from './facts.ts';
import { concernsOpenRequest, recordOf, withRequest } from './record.ts';
import {
  isHoused,
  type ExistingTenant,
  type FailedTenant,
  type ProvisioningTenant,
  type RequestKind,
  type SchemaDrift,
} from './state.ts';

/** A tenant whose creation is open, after a fact about it. */
export function withProvisioningFact(state: ProvisioningTenant, fact: TenantFact): ProvisioningTenant | FailedTenant {
  switch (fact.type) {
    case 'ProvisioningStarted':
      return started(state, fact.data);
    case 'CredentialsIssued': {
      const { issuedAt } = fact.data;
      return { ...state, nextCredential: credentialOf(fact.data), updatedAt: issuedAt };
    }
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
    case 'PasswordRotated':
    case 'CredentialsResealed':
    case 'PasswordRotationFailed':
    case 'ReadReplicaVerified':
    case 'ReadReplicaRejected':
    case 'DataPurged':
    case 'PurgeFailed':
    case 'SchemaDriftDetected':
    case 'SchemaDriftResolved':
    case 'IsolationVerified':
      return state;
    default:
      return fact satisfies never;
  }
}

/** Any other tenant, after a fact: one about its open request of that kind has an effect, every other has none. */
export function withRequestFact(state: ExistingTenant, fact: TenantFact): ExistingTenant {
  switch (fact.type) {
    case 'CredentialsIssued':
      if (!concernsOpenRequest(state, 'rotate', fact) || !('credential' in state)) return state;
      return { ...state, nextCredential: credentialOf(fact.data), updatedAt: fact.data.issuedAt };
    case 'PasswordRotated':
      if (!concernsOpenRequest(state, 'rotate', fact) || !('credential' in state)) return state;
      return {
        ...closed(state, 'rotate', 'done', fact.data.rotatedAt),
        credential: credentialOf(fact.data),
        credentialSince: fact.data.rotatedAt,
        nextCredential: null,
      };
    case 'CredentialsResealed': {
      const { requestId, previousKeyId, resealedAt } = fact.data;
      if (!('credential' in state)) return state;
      const { credential } = state;
      if (credential.requestId !== requestId || credential.keyId !== previousKeyId) return state;
      return { ...state, credential: credentialOf(fact.data), updatedAt: resealedAt };
    }
    case 'PasswordRotationFailed':
      if (!concernsOpenRequest(state, 'rotate', fact) || !('credential' in state)) return state;
      return { ...closed(state, 'rotate', 'failed', fact.data.failedAt), nextCredential: null };
    case 'MigrationsCompleted':
      if (!concernsOpenRequest(state, 'migrate', fact) && !completesCancelled(state, fact)) return state;
      if (!('credential' in state)) return state;
      return {
        ...closed(state, 'migrate', 'done', fact.data.completedAt),
        migrationVersion: fact.data.migrationVersion,
      };
    case 'MigrationsFailed':
      return concernsOpenRequest(state, 'migrate', fact) ? closed(state, 'migrate', 'failed', fact.data.failedAt) : state;
    case 'ReadReplicaRejected':
      return concernsOpenRequest(state, 'verifyReplica', fact)
        ? closed(state, 'verifyReplica', 'failed', fact.data.rejectedAt)
        : state;
    case 'DataPurged':
      return concernsOpenRequest(state, 'purge', fact) ? purged(state, fact.data.purgedAt) : state;
    case 'PurgeFailed':
      return concernsOpenRequest(state, 'purge', fact) ? closed(state, 'purge', 'failed', fact.data.failedAt) : state;
    case 'SchemaDriftDetected': {
      const { requestId: _, change, ...found } = fact.data;
      return withDrift(state, fact, { change, found }, found.detectedAt);
    }
    case 'SchemaDriftResolved':
      return withDrift(state, fact, { change: fact.data.change, found: null }, fact.data.resolvedAt);
    // That a replica was verified counts by the registry's own event beside it.
    case 'ReadReplicaVerified':
    case 'IsolationVerified':
    case 'ProvisioningStarted':
    case 'DatabaseCreated':
    case 'SchemaCreated':
    case 'ProvisioningFailed':
      return state;
    default:
      return fact satisfies never;
  }
}

/** One that was not waited for any more has come to its end all the same: the home is at that version. */
const completesCancelled = ({ status, requests: { migrate } }: ExistingTenant, fact: TenantFact): boolean =>
  (status === 'active' || status === 'suspended') && migrate?.outcome === 'cancelled' && migrate.id === fact.data.requestId;

/** Only what is said of the home that the tenant has, and nothing that was said before what is known. */
function withDrift(state: ExistingTenant, fact: TenantFact, schemaDrift: SchemaDrift, at: string): ExistingTenant {
  if (!isHoused(state) || state.provision.id !== fact.data.requestId) return state;
  if (state.schemaDrift !== null && schemaDrift.change < state.schemaDrift.change) return state;
  return { ...state, schemaDrift, updatedAt: at };
}

function closed<State extends ExistingTenant>(state: State, kind: RequestKind, outcome: 'done' | 'failed', at: string): State {
  const request = state.requests[kind];
  if (request === null) return state;
  return { ...withRequest(state, kind, { ...request, outcome }), updatedAt: at };
}

/** Nothing of what was the tenant's is left, but for its history. */
function purged(state: ExistingTenant, purgedAt: string): ExistingTenant {
  if (state.status !== 'terminated') return state;
  const record = recordOf(closed(state, 'purge', 'done', purgedAt));
  return { ...record, status: 'purged', provision: state.provision, grants: [], revokedUsers: [], replica: null, purgedAt };
}

function started(state: ProvisioningTenant, data: ProvisioningStarted['data']): ProvisioningTenant {
  return { ...state, home: { dbName: data.dbName, schemaName: data.schemaName }, updatedAt: data.startedAt };
}

function credentialOf(data: Credential | CredentialsIssued['data']): Credential {
  const { requestId, dbUsername, dbPasswordEncrypted, readonlyDbUsername, readonlyDbPasswordEncrypted } = data;
  const { encryptionAlgorithm, keyId } = data;
  return {
    requestId,
    dbUsername,
    dbPasswordEncrypted,
    readonlyDbUsername,
    readonlyDbPasswordEncrypted,
    encryptionAlgorithm,
    keyId,
  };
}
